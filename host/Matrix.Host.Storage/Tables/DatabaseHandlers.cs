using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Storage.Tables;

/// <summary>The changes that each database carries out in its own way.</summary>
/// <param name="InsertEvent">Stores an event's row.</param>
/// <param name="ClaimKeys">Claims keys, and gives each claim its key.</param>
internal sealed record DatabaseHandlers(
    Action<EventRow, IWrites> InsertEvent, Action<KeysClaimed, IWrites> ClaimKeys);
