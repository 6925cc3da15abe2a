using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>Presence, presence lists and profiles. The 2014 Client-Server API, "Presence" and "Profiles".</summary>
internal sealed class LegacyUsers(PresenceLists lists) : ILegacyGroup
{
    private const string Status = "presence/{userId}/status";

    private static readonly Answer _notYours = Answer.Forbidden("This is the presence list of another user.");

    private CurrentOperation _put = null!;

    private sealed record Changes(string[] Invited, string[] Dropped);

    public void Map(LegacyRoutes routes)
    {
        var get = routes.Current.Of("GET", Status);
        _put = routes.Current.Of("PUT", Status);
        routes.Get(Status, get, StatusAsync);
        routes.Put(Status, _put, ReadStatus, (call, body, stop) => _put.CallAsync(call, body, stop));

        // The document names the list without its owner, and its tables of calls with them.
        foreach (var path in (string[])["presence/list", "presence/list/{userId}"])
        {
            routes.Get(path, get, ListAsync);
            routes.Post(path, _put, ReadChanges, ChangeAsync);
        }

        const string Avatar = "profile/{userId}/avatar_url";
        const string Name = "profile/{userId}/displayname";
        const string Field = "profile/{userId}/{keyName}";
        routes.Same("GET", "profile/{userId}", Name);
        routes.Same("PUT", Name);
        var (getField, putField) = (routes.Current.Of("GET", Field), routes.Current.Of("PUT", Field));
        routes.Get(Avatar, getField, (call, stop) => getField.CallAsync(
            call, null, stop, "", ("keyName", "avatar_url")));
        routes.Put(Avatar, putField, LegacyRoutes.Whole, (call, body, stop) => putField.CallAsync(
            call, body, stop, "", ("keyName", "avatar_url")));
    }

    private async ValueTask<Answer> StatusAsync(Call call, CancellationToken stop)
    {
        var found = await lists.FindAsync(call.Caller.UserId, call["userId"], stop);
        return found.IsOk
            ? Answer.Json(found.Value, static (json, seen) => seen.WriteContent(json))
            : UserAnswers.Of(found.Failure);
    }

    /// <summary>
    /// Two states exist no more: who was free for chat is online, and who hid is offline. The first clients sent the
    /// state as `state`.
    /// </summary>
    private static JsonObject ReadStatus(BodyReader body)
    {
        var state = body.Text("presence") ?? body.RequiredText("state");
        return body.Whole.With((
            "presence",
            Json.Of(state switch
            {
                "free_for_chat" => "online",
                "hidden" => "offline",
                _ => state,
            })));
    }

    private static Changes ReadChanges(BodyReader body)
    {
        var changes = new Changes(body.Texts("invite") ?? [], body.Texts("drop") ?? []);
        foreach (var user in changes.Invited.Concat(changes.Dropped))
        {
            if (!UserId.IsValid(user)) body.Refuse(MatrixError.InvalidParam, $"`{user}` is not a valid user id.");
        }

        return changes;
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        if (!IsOwn(call)) return _notYours;
        var shown = await lists.ShownAsync(call.Caller.UserId, stop);
        return LegacyJson.AnswerOf(shown.Select(static seen =>
        {
            var entry = CurrentAnswers.Parse(Answer.Json(seen, static (json, seen) => seen.WriteContent(json)))!;
            return Json.Of(
                entry.With(("user_id", Json.Of(seen.UserId)), ("accepted", Json.Of(true))));
        }));
    }

    private async ValueTask<Answer> ChangeAsync(Call call, Changes changes, CancellationToken stop) =>
        IsOwn(call)
            ? UserAnswers.Empty(await lists.ChangeAsync(
                call.Caller.UserId, changes.Invited, changes.Dropped, stop))
            : _notYours;

    private static bool IsOwn(Call call) => call["userId"] is var owner && (owner == "" || owner == call.Caller.UserId);
}
