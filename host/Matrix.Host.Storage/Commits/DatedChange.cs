namespace Matrix.Host.Storage.Commits;

/// <summary>
/// A change of the past, written at a position and time of its own instead of the batch's. Only an import makes such
/// changes: the positions up to <see cref="StorageOptions.StartAfter"/> are theirs. No consumer reads them.
/// </summary>
/// <param name="Change">The change.</param>
/// <param name="Position">The position that its rows get.</param>
/// <param name="At">The time of its rows, in milliseconds since the epoch; null for the time of the flush.</param>
public sealed record DatedChange(Change Change, long Position, long? At = null) : Change
{
    internal override int Weight => Change.Weight;

    internal override void Durable(long position) => Change.Durable(Position);
}
