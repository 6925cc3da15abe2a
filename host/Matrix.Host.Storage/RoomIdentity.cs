using Matrix.Core.Facade;

namespace Matrix.Host.Storage;

/// <summary>What never changes about a room.</summary>
/// <param name="Nid">Its number inside this server.</param>
/// <param name="RoomId">Its id.</param>
/// <param name="Rules">The rules of its version.</param>
public sealed record RoomIdentity(RoomNid Nid, string RoomId, RoomRules Rules);
