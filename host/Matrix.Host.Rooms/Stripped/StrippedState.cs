using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.State;

namespace Matrix.Host.Rooms.Stripped;

/// <summary>
/// The state that identifies a room to those who are not in it. v1.19 client-server-api#stripped-state
/// </summary>
public static class StrippedState
{
    /// <summary>The types of the state events, all with an empty state key; the create event is the first.</summary>
    public static IReadOnlyList<string> Types { get; } =
    [
        EventTypes.Create, EventTypes.Name, EventTypes.Avatar, EventTypes.Topic, EventTypes.JoinRules,
        EventTypes.CanonicalAlias, EventTypes.Encryption,
    ];

    /// <summary>These events of a state, and the inviter's member event, if there is an inviter.</summary>
    public static IReadOnlyList<StateEntry> Of(StateTree state, string? inviter)
    {
        var found = Types.Select(type => state.Find(type, "")).ToList();
        if (inviter is not null) found.Add(state.Find(EventTypes.Member, inviter));
        return [.. found.OfType<StateEntry>()];
    }

    /// <summary>Whether JSON has the members of a stripped state event.</summary>
    internal static bool IsOne(JsonObject json) =>
        json.Text("type") is not null
        && json.Text("state_key") is not null
        && json.Text("sender") is { } sender
        && Core.Ident.UserId.IsValid(sender)
        && json.IndexOf("content") is >= 0 and var at
        && json.Value(at).IsObject;

    /// <summary>Stripped state events, as a JSON array.</summary>
    /// <param name="events">Events in canonical JSON.</param>
    internal static ReadOnlyMemory<byte> Write(IEnumerable<ReadOnlyMemory<byte>> events)
    {
        using var bytes = new ByteBuffer();
        bytes.Raw("["u8);
        var isFirst = true;
        foreach (var json in events)
        {
            if (!isFirst) bytes.Raw(","u8);
            isFirst = false;
            ClientEvent.WriteStripped(bytes, json.Span);
        }

        bytes.Raw("]"u8);
        return bytes.ToArray();
    }
}
