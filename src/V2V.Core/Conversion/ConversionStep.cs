namespace V2V.Core.Conversion;

/// <summary>
/// One named edit of a guest. A converter is a list of steps, applied in the order of <see cref="Order"/>; a step says what it changed
/// by making every change through <see cref="ConversionContext.Editor"/>.
/// </summary>
internal abstract class ConversionStep
{
    /// <summary>Name that <see cref="GuestChange.Step"/> carries.</summary>
    internal abstract string Name { get; }

    /// <summary>Position among the steps; lower comes first.</summary>
    internal abstract int Order { get; }

    /// <summary>Makes the change.</summary>
    /// <exception cref="Storage.V2VException">The guest cannot be converted; the whole conversion ends and leaves nothing.</exception>
    internal abstract void Apply(ConversionContext context);
}
