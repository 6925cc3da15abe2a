namespace Matrix.Import.Deciding;

/// <summary>How an event was or is decided.</summary>
internal enum RuleVerdict
{
    /// <summary>Accepted.</summary>
    Accepted,

    /// <summary>The state before it allows it, the current state did not.</summary>
    SoftFailed,

    /// <summary>Its auth events or the state before it do not allow it.</summary>
    Rejected,
}

/// <summary>An event that our rules decide in another way than Synapse did.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="EventId">The event.</param>
/// <param name="Version">The room's version.</param>
/// <param name="Type">The event's type.</param>
/// <param name="Synapse">How Synapse decided it.</param>
/// <param name="Ours">How our rules decide it.</param>
/// <param name="Clause">The clause that decides.</param>
/// <param name="Against">Which check it is: "its auth events", "the state before it", "the current state".</param>
internal sealed record DifferingVerdict(
    string RoomId, string EventId, string Version, string Type, RuleVerdict Synapse, RuleVerdict Ours, string Clause,
    string Against);

/// <summary>The counts of one room version.</summary>
internal sealed record VersionCount
{
    /// <summary>Events that were decided.</summary>
    public long Decided { get; init; }

    /// <summary>Events whose verdict differs.</summary>
    public long Differing { get; init; }

    /// <summary>
    /// Events that cannot be decided again: some of their auth events or the state before them are missing.
    /// </summary>
    public long Undecidable { get; init; }
}
