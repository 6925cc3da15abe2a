using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Api.Http;
using Matrix.Host.Sync.EventStream;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// The event stream, the first synchronisation, and the events of rooms, in the shape of 2014. The 2014 Client-Server
/// API, "Receiving live updates on a client", "Syncing rooms", "Getting events for a room".
/// </summary>
internal sealed class LegacyReading(
    IEventFeed stream, IPresentUsers present, PresenceBoard board, LegacyRoomReader rooms) : ILegacyGroup
{
    /// <summary>A client that does not say waits for some seconds, as the document's tutorial tells.</summary>
    private const long UsualTimeout = 10_000;

    private CurrentOperation _events = null!;
    private CurrentOperation _event = null!;
    private CurrentOperation _sync = null!;
    private CurrentOperation _roomSync = null!;
    private CurrentOperation _messages = null!;
    private CurrentOperation _members = null!;
    private CurrentOperation _state = null!;

    public void Map(LegacyRoutes routes)
    {
        _events = routes.Current.Of("GET", "events");
        _event = routes.Current.Of("GET", "events/{eventId}");
        _sync = routes.Current.Of("GET", "initialSync");
        _roomSync = routes.Current.Of("GET", "rooms/{roomId}/initialSync");
        _messages = routes.Current.Of("GET", "rooms/{roomId}/messages");
        _members = routes.Current.Of("GET", "rooms/{roomId}/members");
        _state = routes.Current.Of("GET", "rooms/{roomId}/state");
        routes.Get("events", _events, EventsAsync);
        routes.Get($"events/{{{LegacyIds.Parameter}}}", _event, EventAsync);
        routes.Get("initialSync", _sync, SyncAsync);
        routes.Get("rooms/{roomId}/initialSync", _roomSync, RoomSyncAsync);
        routes.Get("rooms/{roomId}/messages", _messages, MessagesAsync);
        routes.Get("rooms/{roomId}/members", _members, MembersAsync);
        routes.Get("rooms/{roomId}/state", _state, StateAsync);
    }

    private async ValueTask<Answer> EventsAsync(Call call, CancellationToken stop)
    {
        var timeout = Math.Min(call.Query.Number("timeout") ?? UsualTimeout, int.MaxValue);
        if (call.Query.Problem is { } problem) return problem;

        // Users are online while they are connected to the stream.
        using var online = board.Sync(call.Caller.Device, PresenceState.Online);
        var request = new EventsRequest(
            call.Caller.Device, call.Query.Token("from"), TimeSpan.FromMilliseconds(timeout))
        {
            WithAccountData = false,
        };
        var answer = Answer.InSteps(call, async (response, stop) =>
            await stream.OfUserAsync(request, response, stop) is { } failure
                ? RoomAnswers.Of(failure)
                : null);
        var (page, error) = await answer.ObjectAsync(stop);
        return page is null
            ? error!
            : LegacyJson.AnswerOf(await PageAsync(call, page, stop));
    }

    private async ValueTask<Answer> EventAsync(Call call, CancellationToken stop)
    {
        if (!LegacyIds.TryRead(call, out var eventId, out var part)) return LegacyIds.Invalid;
        var answer = await _event.CallAsync(call, null, stop, "", ("eventId", eventId));
        var (today, error) = await answer.ObjectAsync(stop);
        if (today is null) return error!;
        var powers = await rooms.OfAsync(call.Caller.UserId, [Json.Of(today)], stop);
        var room = powers.Find(today.Text("room_id"));
        if (part is null) return LegacyJson.AnswerOf(LegacyEvents.One(today, room));
        return today.Text("type") == LegacyPowerLevels.Type
            ? LegacyJson.AnswerOf(LegacyEvents.Part(today, part, room))
            : Answer.NotFound("The event does not exist, or you may not see it.");
    }

    private async ValueTask<Answer> SyncAsync(Call call, CancellationToken stop)
    {
        var answer = await _sync.CallAsync(call, null, stop);
        var (all, error) = await answer.ObjectAsync(stop);
        if (all is null) return error!;
        var translated = new List<Json>();
        foreach (var room in all.Items("rooms"))
        {
            if (room is Json.Object one)
            {
                translated.Add(Json.Of(await RoomAsync(call, one.Item, stop)));
            }
        }

        return LegacyJson.AnswerOf(all.Without("account_data").With(
            ("rooms", Json.Of([.. translated])),
            ("presence", Events(all.Items("presence"), new RoomPowers()))));
    }

    private async ValueTask<Answer> RoomSyncAsync(Call call, CancellationToken stop)
    {
        var answer = await _roomSync.CallAsync(call, null, stop);
        var (room, error) = await answer.ObjectAsync(stop);
        if (room is null) return error!;
        var members = room.Items("state").OfType<Json.Object>()
            .Where(static each => each.Item.Text("type") == EventTypes.Member
                && each.Item.Inner("content")?.Text("membership") == "join")
            .Select(static each => each.Item.Text("state_key")).ToHashSet();
        var presence = (await present.OfAsync(call.Caller.UserId, stop))
            .Where(each => members.Contains((each as Json.Object)?.Item.Text("sender")));
        return LegacyJson.AnswerOf((await RoomAsync(call, room, stop)).With(
            ("presence", Events(presence, new RoomPowers()))));
    }

    private async ValueTask<Answer> MessagesAsync(Call call, CancellationToken stop)
    {
        var last = await rooms.EndAsync(call["roomId"], stop);
        var answer = await _messages.CallAsync(call, null, stop, "dir=b");
        var (page, error) = await answer.ObjectAsync(stop);
        if (page is null) return error!;

        // Every page had an end. What comes after the last page is empty, until there are new events.
        var end = page.Items("chunk").Length == 0
            ? page.Find("start")
            : Json.Of((call.Query.Text("dir") == "f" ? last : default).ToString());
        return LegacyJson.AnswerOf((await PageAsync(call, page, stop)).WithDefault("end", end));
    }

    private async ValueTask<Answer> MembersAsync(Call call, CancellationToken stop)
    {
        var answer = await _members.CallAsync(call, null, stop);
        var (page, error) = await answer.ObjectAsync(stop);
        if (page is null) return error!;

        // All members are in one page.
        return LegacyJson.AnswerOf((await PageAsync(call, page, stop)).With(
            ("start", Json.Of("START")), ("end", Json.Of("END"))));
    }

    private async ValueTask<Answer> StateAsync(Call call, CancellationToken stop)
    {
        var answer = await _state.CallAsync(call, null, stop);
        var (state, error) = await answer.ItemsAsync(stop);
        if (state is null) return error!;
        var powers = await rooms.OfAsync(call.Caller.UserId, state, stop);
        return LegacyJson.AnswerOf(LegacyEvents.State(state, powers));
    }

    /// <summary>A page with the events of its chunk translated.</summary>
    private async ValueTask<JsonObject> PageAsync(Call call, JsonObject page, CancellationToken stop)
    {
        var chunk = page.Items("chunk");
        var powers = await rooms.OfAsync(call.Caller.UserId, chunk, stop);
        return page.With(("chunk", Events(chunk, powers)));
    }

    /// <summary>A room with its messages and its state, or with the invite to it.</summary>
    private async ValueTask<JsonObject> RoomAsync(Call call, JsonObject room, CancellationToken stop)
    {
        if (room.Inner("invite") is { } invite)
        {
            return room.With(("invite", Json.Of(LegacyEvents.One(invite, null))))
                .WithDefault("inviter", invite.Find("sender"));
        }

        var (messages, state) = (room.Inner("messages") ?? JsonObject.Empty, room.Items("state"));
        var powers = await rooms.OfAsync(call.Caller.UserId, [.. messages.Items("chunk"), .. state], stop);
        var chunk = messages.With(("chunk", Events(messages.Items("chunk"), powers)))
            .WithDefault("start", messages.Find("end"));
        return room.Without("account_data").With(
            ("messages", Json.Of(chunk)), ("state", Json.Of([.. LegacyEvents.State(state, powers)])));
    }

    private static Json Events(IEnumerable<Json> events, RoomPowers powers) =>
        Json.Of([.. LegacyEvents.Timeline(events, powers)]);
}
