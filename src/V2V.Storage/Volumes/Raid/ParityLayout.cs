namespace V2V.Storage.Volumes.Raid;

/// <summary>Where the chunks of a row of RAID 4, 5 or 6 lie; the numbers are those of md's superblock ("layout").</summary>
internal enum ParityAlgorithm
{
    LeftAsymmetric = 0,
    RightAsymmetric = 1,
    LeftSymmetric = 2,
    RightSymmetric = 3,
    ParityFirst = 4,
    ParityLast = 5,
    RotatingZeroRestart = 8,
    RotatingNRestart = 9,
    RotatingNContinue = 10,
    LeftAsymmetric6 = 16,
    RightAsymmetric6 = 17,
    LeftSymmetric6 = 18,
    RightSymmetric6 = 19,
    ParityFirst6 = 20,
}

/// <summary>The members that hold a row's parity, and the member that holds a chunk of data.</summary>
/// <param name="P">Member with the exclusive-or of the row.</param>
/// <param name="Q">Member with the second syndrome, or -1.</param>
internal readonly record struct ParityRow(int P, int Q);

/// <summary>The arrangement of RAID 4, 5 and 6, as Linux' raid5.c defines it.</summary>
internal sealed class ParityLayout
{
    private readonly int _members;
    private readonly int _level;
    private readonly ParityAlgorithm _algorithm;

    /// <param name="level">4, 5 or 6; of level 4 the parity is last.</param>
    /// <param name="algorithm">The arrangement.</param>
    /// <param name="members">Number of members.</param>
    internal ParityLayout(int level, ParityAlgorithm algorithm, int members)
    {
        _level = level == 6 ? 6 : 5;
        _algorithm = level == 4 ? ParityAlgorithm.ParityLast : algorithm;
        _members = members;
    }

    /// <summary>Chunks of data in a row.</summary>
    internal int DataMembers => _members - (_level == 6 ? 2 : 1);

    /// <summary>True if the algorithm exists for the level.</summary>
    internal static bool IsKnown(int level, int algorithm) => level switch
    {
        4 => true,
        5 => algorithm is >= 0 and <= 5,
        _ => algorithm is (>= 0 and <= 5) or (>= 8 and <= 10) or (>= 16 and <= 20),
    };

    /// <summary>True for the layouts of DDF, which count the parity chunks in the second syndrome's exponents.</summary>
    private bool IsDdf => _algorithm is ParityAlgorithm.RotatingZeroRestart or ParityAlgorithm.RotatingNRestart or ParityAlgorithm.RotatingNContinue;

    /// <summary>The parity members of a row.</summary>
    internal ParityRow Row(long row)
    {
        int last = _members - 1;
        int turn = (int)(row % _members);
        if (_level == 5)
        {
            return new ParityRow(
                _algorithm switch
                {
                    ParityAlgorithm.LeftAsymmetric or ParityAlgorithm.LeftSymmetric => last - turn,
                    ParityAlgorithm.RightAsymmetric or ParityAlgorithm.RightSymmetric => turn,
                    ParityAlgorithm.ParityFirst => 0,
                    _ => last,
                },
                -1);
        }

        int turnOf5 = (int)(row % last);
        switch (_algorithm)
        {
            case ParityAlgorithm.LeftAsymmetric or ParityAlgorithm.LeftSymmetric:
                return Beside(last - turn);
            case ParityAlgorithm.RightAsymmetric or ParityAlgorithm.RightSymmetric or ParityAlgorithm.RotatingZeroRestart:
                return Beside(turn);
            case ParityAlgorithm.RotatingNRestart:
                return Beside(last - (int)((row + 1) % _members));
            case ParityAlgorithm.RotatingNContinue:
                return new ParityRow(last - turn, (last - turn + last) % _members);
            case ParityAlgorithm.LeftAsymmetric6 or ParityAlgorithm.LeftSymmetric6:
                return new ParityRow(DataMembers - turnOf5, last);
            case ParityAlgorithm.RightAsymmetric6 or ParityAlgorithm.RightSymmetric6:
                return new ParityRow(turnOf5, last);
            case ParityAlgorithm.ParityFirst6:
                return new ParityRow(0, last);
            case ParityAlgorithm.ParityFirst:
                return new ParityRow(0, 1);
            default:
                return new ParityRow(DataMembers, DataMembers + 1);
        }
    }

    /// <summary>The member that holds a chunk of data.</summary>
    /// <param name="row">The row's parity.</param>
    /// <param name="index">Which of the row's chunks of data.</param>
    internal int DataMember(ParityRow row, int index)
    {
        switch (_algorithm)
        {
            case ParityAlgorithm.LeftSymmetric or ParityAlgorithm.RightSymmetric:
                return (row.P + (_level == 6 ? 2 : 1) + index) % _members;
            case ParityAlgorithm.RotatingNContinue:
                return (row.P + 1 + index) % _members;
            case ParityAlgorithm.LeftSymmetric6 or ParityAlgorithm.RightSymmetric6:
                return (row.P + 1 + index) % (_members - 1);
            default:
                // In order of members, the parity left out.
                int first = row.Q < 0 ? row.P : Math.Min(row.P, row.Q), second = row.Q < 0 ? int.MaxValue : Math.Max(row.P, row.Q);
                int member = index >= first ? index + 1 : index;
                return member >= second ? member + 1 : member;
        }
    }

    /// <summary>The exponent of the generator with which a member's chunk counts in the second syndrome of its row.</summary>
    internal int Exponent(ParityRow row, int member)
    {
        if (IsDdf)
        {
            return member;
        }

        int start = (row.Q + 1) % _members;
        int distance = ((member - start) + _members) % _members;
        int parity = ((row.P - start) + _members) % _members;
        return parity < distance ? distance - 1 : distance;
    }

    private ParityRow Beside(int p) => new(p, (p + 1) % _members);
}
