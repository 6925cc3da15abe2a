namespace Matrix.ClusterFaults.Load;

/// <summary>A user of another server in a round.</summary>
/// <param name="Server">The server.</param>
/// <param name="Rooms">The rooms in which the user is.</param>
/// <param name="Reader">Reads at that server.</param>
/// <param name="Writer">Writes at that server.</param>
internal sealed record Visit(OtherServer Server, IReadOnlyList<string> Rooms, SyncReader Reader, Writer Writer);
