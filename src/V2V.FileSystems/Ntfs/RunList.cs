namespace V2V.FileSystems.Ntfs;

/// <summary>A piece of a non-resident attribute.</summary>
/// <param name="Vcn">First cluster within the attribute.</param>
/// <param name="Lcn">First cluster in the volume; -1 for a hole.</param>
/// <param name="Count">Number of clusters, at least 1.</param>
internal readonly record struct Run(long Vcn, long Lcn, long Count)
{
    public const long Hole = -1;

    /// <summary>Cluster of the attribute after the run.</summary>
    public long End => Vcn + Count;

    /// <summary>True if nothing is stored.</summary>
    public bool IsHole => Lcn < 0;
}

/// <summary>Where the clusters of an attribute lie: runs without gaps from cluster 0, neighbours joined.</summary>
internal sealed class RunList
{
    private readonly List<Run> _runs = [];

    /// <summary>The runs in order.</summary>
    public IReadOnlyList<Run> Items => _runs;

    /// <summary>Number of clusters mapped, with holes.</summary>
    public long ClusterCount => _runs.Count == 0 ? 0 : _runs[^1].End;

    /// <summary>Number of clusters that are stored.</summary>
    public long AllocatedClusters
    {
        get
        {
            long sum = 0;
            foreach (Run run in _runs)
            {
                sum += run.IsHole ? 0 : run.Count;
            }

            return sum;
        }
    }

    /// <summary>Adds clusters at the end.</summary>
    public void Append(long lcn, long count)
    {
        if (_runs.Count > 0 && Joins(_runs[^1], lcn))
        {
            _runs[^1] = _runs[^1] with { Count = _runs[^1].Count + count };
        }
        else
        {
            _runs.Add(new Run(ClusterCount, lcn, count));
        }
    }

    /// <summary>The run that holds a cluster, cut so that it begins there.</summary>
    public Run Find(long vcn)
    {
        int index = IndexOf(vcn);
        if (index < 0)
        {
            throw NtfsErrors.Runs(FormattableString.Invariant($"cluster {vcn} is not mapped"));
        }

        Run run = _runs[index];
        long skip = vcn - run.Vcn;
        return new Run(vcn, run.IsHole ? Run.Hole : run.Lcn + skip, run.Count - skip);
    }

    /// <summary>Drops all clusters from <paramref name="vcn"/> on and returns what they were.</summary>
    public List<Run> Truncate(long vcn)
    {
        var dropped = new List<Run>();
        while (_runs.Count > 0 && _runs[^1].End > vcn)
        {
            Run run = _runs[^1];
            _runs.RemoveAt(_runs.Count - 1);
            long keep = Math.Max(0, vcn - run.Vcn);
            dropped.Add(new Run(run.Vcn + keep, run.IsHole ? Run.Hole : run.Lcn + keep, run.Count - keep));
            if (keep > 0)
            {
                _runs.Add(run with { Count = keep });
            }
        }

        return dropped;
    }

    /// <summary>Puts clusters into a hole that holds all of [vcn, vcn + count).</summary>
    public void Fill(long vcn, long lcn, long count)
    {
        int index = IndexOf(vcn);
        Run hole = _runs[index];
        var tail = new List<Run>(_runs.Skip(index + 1));
        _runs.RemoveRange(index, _runs.Count - index);
        if (vcn > hole.Vcn)
        {
            Append(Run.Hole, vcn - hole.Vcn);
        }

        Append(lcn, count);
        if (vcn + count < hole.End)
        {
            Append(Run.Hole, hole.End - vcn - count);
        }

        foreach (Run run in tail)
        {
            Append(run.Lcn, run.Count);
        }
    }

    private static bool Joins(Run run, long lcn) => run.IsHole ? lcn < 0 : lcn == run.Lcn + run.Count;

    private int IndexOf(long vcn)
    {
        if (vcn < 0 || vcn >= ClusterCount)
        {
            return -1;
        }

        int low = 0;
        int high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].Vcn <= vcn ? (middle, high) : (low, middle - 1);
        }

        return low;
    }
}
