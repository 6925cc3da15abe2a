using System.Text;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Profiles;

/// <summary>What users say about themselves. Client-Server API, "Profiles".</summary>
internal sealed class Profiles(
    IStorage storage, ClientOptions options, UserLocks locks, IAccountObserver observer) : IEndpoints
{
    private static readonly Answer _noUser = Answer.NotFound("There is no such user.");

    public void Map(ClientRoutes routes)
    {
        var forAll = new RouteOptions { Access = Access.Optional };
        var large = new RouteOptions { Body = BodyLimit.Event };
        routes.Get("profile/{userId}", GetAsync, forAll);
        routes.Get("profile/{userId}/{keyName}", GetFieldAsync, forAll);
        routes.Put("profile/{userId}/{keyName}", static body => body.Whole, PutFieldAsync, large);
        routes.Delete("profile/{userId}/{keyName}", DeleteFieldAsync);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (!await IsKnownAsync(call["userId"], stop).ConfigureAwait(false)) return _noUser;
        var profile = await storage.Profiles.FindAsync(call["userId"], stop).ConfigureAwait(false);
        return Answer.Json(profile, static (json, fields) =>
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
        if (ProfileFields.JudgeName(name) is { } wrong) return wrong;
        if (!await IsKnownAsync(call["userId"], stop).ConfigureAwait(false)) return _noUser;
        if (await storage.Profiles.FieldAsync(call["userId"], name, stop).ConfigureAwait(false) is not { } value)
        {
            return Answer.NotFound("This user's profile has no such field.");
        }

        return Answer.Json((name, value), static (json, field) =>
        {
            json.WritePropertyName(field.name);
            json.WriteRawValue(field.value.Span, skipInputValidation: true);
        });
    }

    private async ValueTask<Answer> PutFieldAsync(Call call, JsonObject body, CancellationToken stop)
    {
        var (userId, name) = (call["userId"], call["keyName"]);
        if (userId != call.Caller.UserId) return Answer.Forbidden("You can only change your own profile.");
        if (ProfileFields.JudgeName(name) is { } wrongName) return wrongName;
        if (body.IndexOf(name) is var at && at < 0) return Answer.Error(400, MatrixError.MissingParam, $"`{name}` is missing.");

        var value = body.Value(at);
        if (ProfileFields.JudgeValue(name, value) is { } wrongValue) return wrongValue;

        // Clients take their name or picture away by an empty one, as they did before fields could be deleted.
        var isGone = ProfileFields.IsShownInRooms(name) && value is Json.String { Item.Length: 0 };
        return isGone
            ? await DeleteAsync(userId, name, stop).ConfigureAwait(false)
            : await PutAsync(userId, name, CanonicalJson.bytes(value), stop).ConfigureAwait(false);
    }

    private ValueTask<Answer> DeleteFieldAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return ValueTask.FromResult(Answer.Forbidden("You can only change your own profile."));
        return ProfileFields.JudgeName(call["keyName"]) is { } wrong
            ? ValueTask.FromResult(wrong)
            : DeleteAsync(call["userId"], call["keyName"], stop);
    }

    private async ValueTask<Answer> PutAsync(string userId, string name, byte[] value, CancellationToken stop)
    {
        using (await locks.TakeAsync(userId, stop).ConfigureAwait(false))
        {
            var profile = await storage.Profiles.FindAsync(userId, stop).ConfigureAwait(false);
            if (SizeOf(name, value.Length) + profile.Where(f => f.Key != name).Sum(f => SizeOf(f.Key, f.Value.Length)) + 2 >= ProfileFields.WholeLimit)
            {
                return Answer.Error(400, MatrixError.ProfileTooLarge, $"A profile has less than {ProfileFields.WholeLimit} bytes.");
            }

            if (profile.TryGetValue(name, out var before) && before.Span.SequenceEqual(value)) return Answer.Empty;
            await storage.Writer.WriteAsync(new WriteBatch(1).Add(new ProfileFieldChanged(userId, name, value)), stop).ConfigureAwait(false);
        }

        await TellRoomsAsync(userId, name).ConfigureAwait(false);
        return Answer.Empty;
    }

    private async ValueTask<Answer> DeleteAsync(string userId, string name, CancellationToken stop)
    {
        using (await locks.TakeAsync(userId, stop).ConfigureAwait(false))
        {
            if (await storage.Profiles.FieldAsync(userId, name, stop).ConfigureAwait(false) is null) return Answer.Empty;
            await storage.Writer.WriteAsync(new WriteBatch(1).Add(new ProfileFieldDeleted(userId, name)), stop).ConfigureAwait(false);
        }

        await TellRoomsAsync(userId, name).ConfigureAwait(false);
        return Answer.Empty;
    }

    /// <summary>The profile has changed, whether the client still waits or not: rooms are told in any case.</summary>
    private async ValueTask TellRoomsAsync(string userId, string name)
    {
        if (!ProfileFields.IsShownInRooms(name)) return;
        await observer.ProfileChangedAsync(userId, CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask<bool> IsKnownAsync(string userId, CancellationToken stop) =>
        UserId.server(userId) == options.ServerName && await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is not null;

    private static int SizeOf(string name, int value) => Encoding.UTF8.GetByteCount(name) + value + "\"\":,".Length;
}
