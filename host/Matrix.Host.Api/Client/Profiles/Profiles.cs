using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Api.Client.Profiles;

/// <summary>Display names, avatars and other profile fields. v1.19 client-server-api#profiles</summary>
internal sealed class Profiles(UserProfiles profiles, ProfileUpdates updates) : IEndpoints
{
    private const string DisplayName = "displayname";
    private const string KeyName = "keyName";
    private const string Field = "profile/{userId}/{" + KeyName + "}";

    private static readonly Answer _notYours = Answer.Forbidden("You can only change your own profile.");

    public void Map(ClientRoutes routes)
    {
        var forAll = new RouteOptions { Access = Access.Optional };
        var large = new RouteOptions { Body = BodyLimit.Event };
        // v1.19 client-server-api#get_matrixclientv3profileuserid
        routes.Of(RouteOwner.Nobody).Get("profile/{userId}", GetAsync, forAll);
        // v1.19 client-server-api#get_matrixclientv3profileuseridkeyname
        routes.Of(RouteOwner.Nobody).Get(Field, (call, stop) => GetFieldAsync(call, call[KeyName], stop), forAll);
        // v1.19 client-server-api#put_matrixclientv3profileuseridkeyname
        routes.Of(RouteOwner.Caller).Put(
            Field,
            static body => body.Whole,
            (call, body, stop) => PutFieldAsync(call, call[KeyName], body, stop),
            large);
        // v1.19 client-server-api#delete_matrixclientv3profileuseridkeyname
        routes.Of(RouteOwner.Caller).Delete(Field, (call, stop) => DeleteFieldAsync(call, call[KeyName], stop));

        // Guests change their display name only. v1.19 client-server-api#guest-access
        const string Name = "profile/{userId}/" + DisplayName;
        routes.Of(RouteOwner.Nobody).Get(Name, (call, stop) => GetFieldAsync(call, DisplayName, stop), forAll);
        routes.Of(RouteOwner.Caller).Put(
            Name,
            static body => body.Whole,
            (call, body, stop) => PutFieldAsync(call, DisplayName, body, stop),
            large with { Access = Access.UsersAndGuests });
        routes.Of(RouteOwner.Caller).Delete(
            Name,
            (call, stop) => DeleteFieldAsync(call, DisplayName, stop),
            new RouteOptions { Access = Access.UsersAndGuests });
    }

    private static ProfileViewer ViewerOf(Call call) => ProfileViewer.OfUser(call.CallerIfAny?.UserId) with
    {
        Who = call.CausedBy,
    };

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var profile = await profiles.FindAsync(ViewerOf(call), call["userId"], stop);
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

    private async ValueTask<Answer> GetFieldAsync(Call call, string name, CancellationToken stop)
    {
        var found = await profiles.FieldAsync(ViewerOf(call), call["userId"], name, stop);
        return found.IsOk
            ? Answer.Json((name, found.Value), static (json, field) =>
            {
                json.WritePropertyName(field.name);
                json.WriteRawValue(field.Value.Span, skipInputValidation: true);
            })
            : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutFieldAsync(Call call, string name, JsonObject body, CancellationToken stop)
    {
        var userId = call["userId"];
        if (userId != call.Caller.UserId) return _notYours;
        if (Counted(call, name) is { } tooMany) return tooMany;
        var value = body.IndexOf(name) is >= 0 and var at ? body.Value(at) : null;
        return UserAnswers.Empty(await updates.SetAsync(userId, name, value, stop));
    }

    private async ValueTask<Answer> DeleteFieldAsync(Call call, string name, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        return Counted(call, name)
            ?? UserAnswers.Empty(await updates.DeleteAsync(call["userId"], name, stop));
    }

    /// <summary>What rooms show changes the user's membership in all of them. The error for too many changes.</summary>
    private static Answer? Counted(Call call, string name) =>
        ProfileUpdates.IsShownInRooms(name) ? call.Count(RateClass.Membership) : null;
}
