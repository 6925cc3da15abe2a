using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Users.Administration;

/// <summary>What an administrator wants an account to be. A null leaves the account as it is.</summary>
public sealed record AccountWish
{
    /// <summary>The password.</summary>
    public string? Password { get; init; }

    /// <summary>Whether a new password logs out all devices.</summary>
    public bool LogsOut { get; init; } = true;

    /// <summary>The display name; empty for none.</summary>
    public string? DisplayName { get; init; }

    /// <summary>The avatar's URI; empty for none.</summary>
    public string? AvatarUrl { get; init; }

    /// <summary>Whether the user administers the server.</summary>
    public bool? IsAdmin { get; init; }

    /// <summary>Whether the account has ended. An ended account stays so.</summary>
    public bool? IsDeactivated { get; init; }

    /// <summary>Leaves out the password.</summary>
    public override string ToString() => nameof(AccountWish);
}

/// <summary>Creates and changes accounts for administrators. Each change is in the audit log.</summary>
public sealed class UserAdministration(
    IAccountsTable accountsTable,
    IStorageWriter writer,
    Usernames usernames,
    Registrations registrations,
    PasswordChanges passwords,
    PasswordHasher hasher,
    UserProfiles shown,
    ProfileUpdates profiles,
    Deactivation deactivation,
    AuditLog audit,
    UsersOptions options)
{
    private const int UsersAtOnce = 1000;

    private static readonly UserFailure _remote = new(
        UserFailureKind.InvalidParam, "Only users of this server can be administered here.");

    private static readonly UserFailure _noPerson = new(
        UserFailureKind.InvalidParam, "Guests and users of application services cannot administer the server.");

    private static readonly UserFailure _demotesSelf = new(
        UserFailureKind.InvalidParam, "Administrators cannot take the right from themselves.");

    private static readonly UserFailure _ended = new(
        UserFailureKind.InvalidParam, "The account has been deactivated; it cannot be changed or activated again.");

    private static readonly UserFailure _changed = new(
        UserFailureKind.Outdated, "The account is being changed at the same time.");

    /// <summary>A local user; a failure if there is none.</summary>
    public async ValueTask<UserResult<UserRow>> FindAsync(string userId, CancellationToken stop)
    {
        if (UserId.Server(userId) != options.ServerName) return _remote;
        return await accountsTable.FindUserAsync(userId, stop) is { } user
            ? user
            : UserProfiles.NoUser;
    }

    /// <summary>Creates an account, or changes it.</summary>
    /// <returns>Whether it was created.</returns>
    public async ValueTask<UserResult<bool>> PutAsync(
        AdminActor actor, string userId, AccountWish wish, CancellationToken stop)
    {
        if (UserId.Server(userId) != options.ServerName) return _remote;
        if (ProfileRefusal(wish) is { } unfit) return unfit;
        var user = await accountsTable.FindUserAsync(userId, stop);
        if (user is null)
        {
            if (await CreateAsync(actor, userId, wish, stop) is { } refused) return refused;
            wish = wish with { Password = null, DisplayName = null, IsAdmin = null };
        }

        var failure = await ChangeAsync(actor, userId, user, wish, stop);
        return failure is null ? user is null : failure;
    }

    /// <summary>Why a display name or avatar cannot be set; null if both can.</summary>
    private static UserFailure? ProfileRefusal(AccountWish wish)
    {
        return RefusalOf(ProfileFields.DisplayName, wish.DisplayName)
            ?? RefusalOf(ProfileFields.AvatarUrl, wish.AvatarUrl);

        static UserFailure? RefusalOf(string field, string? text) =>
            text is null ? null : ProfileFields.JudgeValue(field, Json.Of(text));
    }

    /// <summary>Gives a user the right to administer the server, or takes it.</summary>
    public async ValueTask<UserFailure?> SetAdminAsync(
        AdminActor actor, string userId, bool isAdmin, CancellationToken stop)
    {
        if (actor.Who == userId && !isAdmin) return _demotesSelf;
        var found = await FindAsync(userId, stop);
        if (!found.IsOk) return found.Failure;
        if (isAdmin && found.Value.Kind != UserKind.User) return _noPerson;
        var batch = new WriteBatch(Authority.Nobody, 3)
            .Require(new UserIsActive(userId))
            .Require(new AdminChanged(userId, isAdmin))
            .Require(audit.Of(actor, isAdmin ? "user.make_admin" : "user.unmake_admin", userId));
        return (await writer.WriteAsync(batch, stop)).Refused ? _ended : null;
    }

    /// <summary>Changes a password.</summary>
    public async ValueTask<UserFailure?> SetPasswordAsync(
        AdminActor actor, string userId, string password, bool logsOut, CancellationToken stop)
    {
        var found = await FindAsync(userId, stop);
        if (!found.IsOk) return found.Failure;
        if (found.Value.DeactivatedAt is not null) return _ended;
        return await passwords.ChangeAsync(
            userId,
            password,
            logsOut,
            except: null,
            HashRequester.Operator,
            audit.Of(actor, "user.password", userId),
            stop);
    }

    /// <summary>Ends an account.</summary>
    public async ValueTask<UserFailure?> DeactivateAsync(
        AdminActor actor, string userId, bool erase, CancellationToken stop)
    {
        var found = await FindAsync(userId, stop);
        if (!found.IsOk) return found.Failure;
        var record = audit.Of(actor, erase ? "user.erase" : "user.deactivate", userId);
        return await deactivation.EndAsync(userId, erase, record, stop)
            == DeactivationResult.Refused ? _changed : null;
    }

    /// <summary>The URIs of all users' avatars. It reads all users.</summary>
    public async ValueTask<IReadOnlyList<string>> AvatarsAsync(CancellationToken stop)
    {
        var found = new List<string>();
        for (var after = ""; ;)
        {
            var page = await accountsTable.ListUsersAsync(after, UsersAtOnce, stop);
            foreach (var user in page)
            {
                var (_, avatar) = await shown.ShownAsync(user.UserId, stop);
                if (avatar is not null) found.Add(avatar);
            }

            if (page.Count < UsersAtOnce) return found;
            after = page[^1].UserId;
        }
    }

    private async ValueTask<UserFailure?> CreateAsync(
        AdminActor actor, string userId, AccountWish wish, CancellationToken stop)
    {
        var (free, problem) = await usernames.FreeUserIdOfAsync(UserId.Localpart(userId), stop);
        if (problem is { } why)
        {
            return why == UsernameProblem.InUse
                ? new UserFailure(UserFailureKind.UserInUse, "The user id is reserved for the server.")
                : new UserFailure(UserFailureKind.InvalidParam, $"A new user cannot have the name ({why}).");
        }

        if (free != userId)
        {
            return new UserFailure(UserFailureKind.InvalidParam, "The name of a new user is in lower case.");
        }

        string? hash = null;
        if (wish.Password is { } password
            && (hash = await hasher.HashAsync(password, HashRequester.Operator, stop)) is null)
        {
            return new UserFailure(UserFailureKind.Busy, "Too many passwords are being hashed.");
        }

        var account = new NewAccount(userId, hash)
        {
            IsAdmin = wish.IsAdmin ?? false,
            DisplayName = wish.DisplayName,
            Conditions = [audit.Of(actor, wish.IsAdmin == true ? "user.create_admin" : "user.create", userId)],
        };
        return (await registrations.CreateAsync(account, stop)).Failure;
    }

    private async ValueTask<UserFailure?> ChangeAsync(
        AdminActor actor, string userId, UserRow? before, AccountWish wish, CancellationToken stop)
    {
        if (before?.DeactivatedAt is not null)
        {
            return wish.IsDeactivated == true ? null : _ended;
        }

        // Before anything changes.
        if (wish.IsAdmin == false && before?.IsAdmin == true && actor.Who == userId) return _demotesSelf;
        if (wish.IsAdmin == true && before is { Kind: not UserKind.User }) return _noPerson;
        if (wish.Password is { } password
            && await SetPasswordAsync(actor, userId, password, wish.LogsOut, stop) is { } weak)
        {
            return weak;
        }

        if (wish.IsAdmin is { } isAdmin
            && isAdmin != before?.IsAdmin
            && await SetAdminAsync(actor, userId, isAdmin, stop) is { } refused)
        {
            return refused;
        }

        if (await SetFieldAsync(ProfileFields.DisplayName, wish.DisplayName) is { } noName)
        {
            return noName;
        }

        if (await SetFieldAsync(ProfileFields.AvatarUrl, wish.AvatarUrl) is { } noAvatar)
        {
            return noAvatar;
        }

        return wish.IsDeactivated == true
            ? await DeactivateAsync(actor, userId, erase: false, stop)
            : null;

        async ValueTask<UserFailure?> SetFieldAsync(string field, string? text)
        {
            if (text is null) return null;
            var failure = await profiles.SetAsync(userId, field, Json.Of(text), stop);
            if (failure is null) await audit.RecordAsync(actor, $"user.{field}", userId);
            return failure;
        }
    }
}
