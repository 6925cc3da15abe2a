using Matrix.Core.Facade;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Import.AppServices;

/// <summary>An event that a service may not have got, as this server has it.</summary>
/// <param name="RoomId">Its room.</param>
/// <param name="Rules">The rules of the room's version.</param>
/// <param name="Row">The event.</param>
internal sealed record OwedEvent(string RoomId, RoomRules Rules, EventRow Row)
{
    /// <summary>Its place in the order of all events.</summary>
    public long Position => Row.Position;
}
