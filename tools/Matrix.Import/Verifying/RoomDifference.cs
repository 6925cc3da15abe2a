namespace Matrix.Import.Verifying;

/// <summary>Something that a room has in Synapse's database and not in ours, or the other way round.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="What">What differs: "state", "members", "forward extremities", "newest event", or "room".</param>
/// <param name="Synapse">What Synapse has.</param>
/// <param name="Ours">What we have.</param>
public sealed record RoomDifference(string RoomId, string What, string Synapse, string Ours);
