using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Inbound;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Stripped;

/// <summary>
/// Reads the stripped state that other servers send with invites and knocks. Its events should be whole PDUs of the
/// room, validly signed; older servers send them stripped. v1.19 server-server-api#inviting-to-a-room
/// </summary>
internal sealed partial class ReceivedStrippedState(
    SignatureChecker signatures, RoomsOptions options, ILogger<ReceivedStrippedState> log)
{
    /// <summary>
    /// The stripped state of an invite, with the invite itself. Where the room's id is the hash of its create event,
    /// that event must be whole and validly signed. The others must be so only if the configuration is strict.
    /// </summary>
    internal async ValueTask<RoomResult<ReadOnlyMemory<byte>>> OfInviteAsync(
        RoomRules rules, IReadOnlyList<Json> entries, Pdu invite, CancellationToken stop)
    {
        var events = Bounded(entries).ToList();
        var create = events.Find(IsCreate);
        if (create is null && (rules.RoomIdIsHash || options.StrictInviteState))
        {
            return Invalid("`invite_room_state` has no create event.");
        }

        var irregular = entries.Count - events.Count;
        foreach (var json in events)
        {
            var isRequired = options.StrictInviteState || (rules.RoomIdIsHash && ReferenceEquals(json, create));
            var fault = isRequired
                ? await FaultAsync(rules, invite.RoomId, json, stop)
                : FaultOfForm(rules, invite.RoomId, json);
            if (fault is null) continue;
            if (isRequired) return Invalid($"`{json.Text("type")}` in `invite_room_state` {fault}.");
            irregular++;
        }

        if (irregular > 0 && options.StrictInviteState) return Invalid("`invite_room_state` has malformed entries.");
        if (irregular > 0) Irregular(irregular, invite.RoomId, invite.Sender);
        return With(events, invite);
    }

    /// <summary>
    /// The stripped state of a knock, with the knock itself. Whole events that are not validly signed are left out.
    /// </summary>
    internal async ValueTask<ReadOnlyMemory<byte>> OfKnockAsync(
        RoomRules rules, IReadOnlyList<JsonObject> entries, Pdu knock, CancellationToken stop)
    {
        var kept = new List<JsonObject>();
        foreach (var json in Bounded([.. entries.Select(Json.Of)]))
        {
            var mustBeWhole = options.StrictInviteState || json.Has("signatures");
            if (!mustBeWhole || await FaultAsync(rules, knock.RoomId, json, stop) is null)
            {
                kept.Add(json);
            }
        }

        return With(kept, knock);
    }

    private static bool IsCreate(JsonObject json) =>
        json.Text("type") == EventTypes.Create && json.Text("state_key") is { Length: 0 };

    private static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    /// <summary>The well-formed entries, up to the bounds; the create event is never left out.</summary>
    private IEnumerable<JsonObject> Bounded(IReadOnlyList<Json> entries)
    {
        var (count, bytes) = (0, 0);
        var events = entries.OfType<Json.Object>().Select(entry => entry.Item).Where(StrippedState.IsOne);
        foreach (var json in events.OrderBy(json => IsCreate(json) ? 0 : 1))
        {
            bytes += JsonText.Write(json).Length;
            if (++count > options.MaxStrippedEvents || bytes > options.MaxStrippedBytes) yield break;
            yield return json;
        }
    }

    private static ReadOnlyMemory<byte> With(IEnumerable<JsonObject> events, Pdu member) => StrippedState.Write(
    [
        .. events
            .Where(json => json.Text("type") != member.Type || json.Text("state_key") != member.StateKey)
            .Select(json => new ReadOnlyMemory<byte>(JsonText.Write(json))),
        member.Canonical,
    ]);

    /// <summary>
    /// Why an entry is no whole event of the room; null if it is one. Its signatures are not verified.
    /// </summary>
    private static string? FaultOfForm(RoomRules rules, string roomId, JsonObject json)
    {
        var read = rules.ReadReceived(json);
        return !read.IsOk ? $"is not a whole event: {read.Refusal!.Reason}"
            : read.Value.RoomId != roomId ? "is of another room"
            : !read.Value.HashHolds ? "does not have its content hash"
            : null;
    }

    /// <summary>The same, with its signatures.</summary>
    private async ValueTask<string?> FaultAsync(
        RoomRules rules, string roomId, JsonObject json, CancellationToken stop)
    {
        if (FaultOfForm(rules, roomId, json) is { } fault) return fault;
        var checkedEvent = await signatures.CheckAsync(rules, rules.ReadReceived(json).Value, stop);
        return Array.TrueForAll(
            checkedEvent.RequiredSigners, server => checkedEvent.IsSignedBy(server))
            ? null
            : "is not validly signed";
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Count} events of the state with an invite to {RoomId} by {Inviter} are not whole or do not fit the "
            + "bounds")]
    private partial void Irregular(int count, string roomId, string inviter);
}
