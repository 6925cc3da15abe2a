using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Api.Client.Profiles;

/// <summary>Display names, avatars and other profile fields. Client-Server API, "Profiles".</summary>
internal sealed class Profiles(UserProfiles profiles, ProfileUpdates updates) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("You can only change your own profile.");

    public void Map(ClientRoutes routes)
    {
        var forAll = new RouteOptions { Access = Access.Optional };
        var large = new RouteOptions { Body = BodyLimit.Event };
        routes.Get("profile/{userId}", GetAsync, forAll);
        routes.Get("profile/{userId}/{keyName}", GetFieldAsync, forAll);
        routes.Put("profile/{userId}/{keyName}", static body => body.Whole, PutFieldAsync, large);
        routes.Delete("profile/{userId}/{keyName}", DeleteFieldAsync);
    }

    private static ProfileViewer ViewerOf(Call call) => ProfileViewer.OfUser(call.CallerIfAny?.UserId);

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var profile = await profiles.FindAsync(ViewerOf(call), call["userId"], stop).ConfigureAwait(false);
        if (!profile.IsOk) return UserAnswers.Of(profile.Failure);
        return Answer.Json(profile.Value, static (json, fields) =>
        {
            foreach (var (name, value) in fields)
            {
                json.WritePropertyName(name);
                json.WriteRawValue(value.Span, skipInputValidation: true);
            }
        });
    }

    private async ValueTask<Answer> GetFieldAsync(Call call, CancellationToken stop)
    {
        var name = call["keyName"];
        var found = await profiles.FieldAsync(ViewerOf(call), call["userId"], name, stop).ConfigureAwait(false);
        return found.IsOk
            ? Answer.Json((name, found.Value), static (json, field) =>
            {
                json.WritePropertyName(field.name);
                json.WriteRawValue(field.Value.Span, skipInputValidation: true);
            })
            : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutFieldAsync(Call call, JsonObject body, CancellationToken stop)
    {
        var (userId, name) = (call["userId"], call["keyName"]);
        if (userId != call.Caller.UserId) return _notYours;
        var value = body.IndexOf(name) is >= 0 and var at ? body.Value(at) : null;
        return UserAnswers.Empty(await updates.SetAsync(userId, name, value, stop).ConfigureAwait(false));
    }

    private async ValueTask<Answer> DeleteFieldAsync(Call call, CancellationToken stop) =>
        call["userId"] == call.Caller.UserId
            ? UserAnswers.Empty(await updates.DeleteAsync(call["userId"], call["keyName"], stop).ConfigureAwait(false))
            : _notYours;
}
