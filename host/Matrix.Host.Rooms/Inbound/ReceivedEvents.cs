using Matrix.Core.Room.Incoming.Protocol;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>What became of the events of one room that came in a transaction.</summary>
/// <param name="Dropped">The reasons of dropped ones, by event id.</param>
/// <param name="BeganToWait">Whether some wait for others since they came: there was space for them.</param>
public sealed record ReceivedEvents(IReadOnlyDictionary<string, DropReason> Dropped, bool BeganToWait);
