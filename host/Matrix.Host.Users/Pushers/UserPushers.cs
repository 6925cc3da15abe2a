using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.Pushers;

/// <summary>Sets and deletes the pushers of a user. v1.19 client-server-api#push-notifications</summary>
public sealed class UserPushers(
    PushersTable pushersTable,
    ThirdPartyIdsTable thirdPartyIdsTable,
    IStorageWriter writer,
    UserLocks locks,
    UsersOptions options)
{
    private const int SecretBytes = 24;

    /// <summary>The token of a pusher's links.</summary>
    public static string TokenOf(PusherRow pusher)
    {
        return string.Create(CultureInfo.InvariantCulture, $"{pusher.PusherId}.{pusher.Secret}");
    }

    /// <summary>A user's pushers, the oldest first.</summary>
    public ValueTask<IReadOnlyList<PusherRow>> OfAsync(string userId, CancellationToken stop) =>
        pushersTable.OfUserAsync(userId, stop);

    /// <summary>Creates or changes a pusher; returns why it was refused.</summary>
    /// <param name="pusher">The pusher, without an id.</param>
    /// <param name="isAppended">Whether other users' pushers of the same `app_id` and `pushkey` stay.</param>
    public async ValueTask<UserFailure?> SetAsync(PusherRow pusher, bool isAppended, CancellationToken stop)
    {
        using var held = await locks.TakeAsync(pusher.UserId, stop);
        var all = await pushersTable.OfUserAsync(pusher.UserId, stop);
        var isNew = !all.Any(other => other.AppId == pusher.AppId && other.PushKey == pusher.PushKey);
        if (isNew && all.Count >= options.Pushers)
        {
            return new UserFailure(UserFailureKind.LimitReached, $"You have {options.Pushers} pushers already.");
        }

        // An address is no secret: whoever names it does not end the mail of others.
        var isEmail = pusher.Kind == PusherKind.Email;

        // What the account has confirmed needs no second confirmation.
        var isConfirmed = !isEmail
            || (await thirdPartyIdsTable.OfUserAsync(pusher.UserId, stop))
                .Any(row => row.Medium == Medium.Email && row.Address == pusher.PushKey);
        var secret = isEmail ? Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes)) : "";
        var set = new PusherSet(
            pusher with { IsConfirmed = isConfirmed, Secret = secret }, isAppended || isEmail);
        await writer.WriteAsync(new WriteBatch(Authority.User(pusher.UserId), 1).Add(set), stop);
        return set.Applied ? null : new UserFailure(UserFailureKind.Outdated, "The device has ended.");
    }

    /// <summary>The owner of an address confirms it, by a link. False if there is no such pusher.</summary>
    public async ValueTask<bool> ConfirmAsync(string token, CancellationToken stop) =>
        await FindAsync(token, stop) is { } pusher
        && await AppliesAsync(new PusherConfirmed(pusher.PusherId), stop);

    /// <summary>The owner of an address ends its pusher, by a link. False if there is no such pusher.</summary>
    public async ValueTask<bool> UnsubscribeAsync(string token, CancellationToken stop) =>
        await FindAsync(token, stop) is { } pusher
        && await AppliesAsync(new PusherRejected(pusher.PusherId, pusher.SetAt), stop);

    /// <summary>Deletes a pusher, if there is one.</summary>
    public async ValueTask DeleteAsync(string userId, string appId, string pushKey, CancellationToken stop) =>
        await AppliesAsync(new PusherDeleted(userId, appId, pushKey), stop);

    private async ValueTask<bool> AppliesAsync(ConditionalChange change, CancellationToken stop)
    {
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return change.Applied;
    }

    private async ValueTask<PusherRow?> FindAsync(string token, CancellationToken stop)
    {
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !long.TryParse(token[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return null;
        }

        var pusher = await pushersTable.FindAsync(id, stop);
        return pusher is { Secret.Length: > 0 }
            && CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(pusher.Secret), Encoding.UTF8.GetBytes(token[(dot + 1)..]))
            ? pusher
            : null;
    }
}
