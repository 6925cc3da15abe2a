namespace Matrix.Host.Rooms.Changes;

/// <summary>What a step of an index did.</summary>
/// <param name="HasWritten">Whether it wrote a batch. If not, there was nothing to do.</param>
/// <param name="Left">
/// The steps after which the index has all changes up to the step's position, as far as can be said; 0 if it has them.
/// </param>
public readonly record struct IndexStep(bool HasWritten, int Left);
