using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Commands;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>
/// The third-party identifiers of accounts. v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
public sealed class AccountIdentifiers(
    ThirdPartyIdsTable thirdPartyIdsTable,
    ValidationSessionsTable validationSessionsTable,
    IStorageWriter writer,
    ThirdPartyIdOptions options,
    AddressNotices notices,
    UserLocks locks,
    UserCommands commands,
    TimeProvider clock)
{
    private static readonly UserFailure _inUse = new(
        UserFailureKind.IdentifierInUse, "Another account has the identifier.");

    private static readonly UserFailure _ofOther = new(
        UserFailureKind.IdentifierAuthFailed, "The address was not confirmed for this account.");

    private static readonly UserFailure _changed = new(
        UserFailureKind.IdentifierAuthFailed, "The session has been used, or the account has ended.");

    /// <summary>A user's identifiers, the oldest first.</summary>
    public ValueTask<IReadOnlyList<ThirdPartyIdRow>> OfAsync(string userId, CancellationToken stop) =>
        thirdPartyIdsTable.OfUserAsync(userId, stop);

    /// <summary>The user who has an identifier; null for nobody.</summary>
    public async ValueTask<string?> OwnerAsync(ThirdPartyId id, CancellationToken stop) =>
        (await thirdPartyIdsTable.FindAsync(id.Medium, id.Address, stop))?.UserId;

    /// <summary>The change by which an account gets the identifier of a confirmed session.</summary>
    public ThirdPartyIdAdded AdditionOf(string userId, ValidationSessionRow session) =>
        new ThirdPartyIdAdded(
            new ThirdPartyIdRow(
                session.Medium,
                session.Address,
                userId,
                session.Language,
                session.ValidatedAt ?? clock.GetUtcNow().ToUnixTimeMilliseconds()),
            options.MostOfUser);

    /// <summary>The conditions by which a new account gets the identifiers of confirmed sessions.</summary>
    public ConditionalChange[] AdditionsOf(string userId, IEnumerable<ValidationSessionRow> sessions) =>
    [
        .. sessions.SelectMany(session => new ConditionalChange[]
        {
            AdditionOf(userId, session),
            new ValidationUsed(session.SessionId),
        }),
    ];

    /// <summary>Whether an identifier is still nobody's, and the session that proved it has not ended.</summary>
    public async ValueTask<bool> CanAddAsync(ValidationSessionRow session, CancellationToken stop)
    {
        return await thirdPartyIdsTable.FindAsync(session.Medium, session.Address, stop)
                is null
            && await validationSessionsTable.FindAsync(session.SessionId, stop)
                is { } row
            && row.ExpiresAt > clock.GetUtcNow().ToUnixTimeMilliseconds();
    }

    /// <summary>Adds the identifier of a confirmed session, which is used up. Another node may have the user.</summary>
    public ValueTask<UserFailure?> AddAsync(
        string userId, ValidationSessionRow session, ConditionalChange condition, CancellationToken stop) =>
        commands.RunAsync(
            userId,
            () => AddHereAsync(userId, session, condition, stop),
            () => new AddIdentifier(userId, session.SessionId, session.Medium, session.Address, condition),
            stop);

    /// <summary>Carries out a command of another node, which has seen that the session is confirmed.</summary>
    internal async ValueTask<UserFailure?> AddHereAsync(AddIdentifier command, CancellationToken stop)
    {
        if (await validationSessionsTable.FindAsync(command.SessionId, stop) is { } session)
        {
            return await AddHereAsync(command.UserId, session, command.Condition, stop);
        }

        // An earlier attempt may have used it.
        var owner = await thirdPartyIdsTable.FindAsync(command.Medium, command.Address, stop);
        return owner?.UserId == command.UserId ? null : _changed;
    }

    private async ValueTask<UserFailure?> AddHereAsync(
        string userId, ValidationSessionRow session, ConditionalChange condition, CancellationToken stop)
    {
        // A code is typed where it was asked for. A link says for which account it is, or asks.
        if (session.UserId != userId && (session.UserId is not null || session.Medium == Medium.Email))
        {
            return _ofOther;
        }

        using var held = await locks.TakeAsync(userId, stop);
        var owned = await OfAsync(userId, stop);
        var isNew = !owned.Any(row => row.Medium == session.Medium && row.Address == session.Address);
        if (isNew && owned.Count >= options.MostOfUser) return TooMany;
        var addition = AdditionOf(userId, session);
        var batch = new WriteBatch(Authority.User(userId), 1)
            .Require(condition)
            .Require(addition)
            .Require(new ValidationUsed(session.SessionId));
        if ((await writer.WriteAsync(batch, stop)).Refused)
        {
            var owner = await thirdPartyIdsTable.FindAsync(session.Medium, session.Address, stop);
            return owner is null || owner.UserId == userId ? _changed : _inUse;
        }

        if (isNew && ThirdPartyId.Read(session.Medium, session.Address) is { } id)
        {
            await notices.AddedAsync(userId, id, stop);
        }

        return null;
    }

    /// <summary>Removes an identifier, if the user has it. Another node may have the user.</summary>
    /// <param name="condition">Must hold when it is written; null for none.</param>
    /// <returns>Whether the condition held.</returns>
    public async ValueTask<bool> RemoveAsync(
        string userId, ThirdPartyId id, CancellationToken stop, ConditionalChange? condition = null)
    {
        var removed = await commands.RunAsync(
            userId,
            () => RemoveHereAsync(userId, id, condition, stop),
            () => new RemoveIdentifier(userId, TextOf(id), condition),
            stop);
        return removed.Failure is null;
    }

    /// <summary>The same for a user who is here. It fails if the condition did not hold.</summary>
    internal async ValueTask<UserAnswer> RemoveHereAsync(
        string userId, ThirdPartyId id, ConditionalChange? condition, CancellationToken stop)
    {
        using var held = await locks.TakeAsync(userId, stop);
        var before = await OfAsync(userId, stop);
        var removal = new ThirdPartyIdRemoved(userId, id.Medium, id.Address);
        var batch = new WriteBatch(Authority.User(userId), 2);
        if (condition is not null) batch.Require(condition);
        if (before.Any(row => IsThat(row, id))) EndPusher(batch, userId, id.Medium, id.Address);
        if ((await writer.WriteAsync(batch.Add(removal), stop)).Refused) return new UserAnswer(_changed);
        if (removal.Applied) notices.Removed(userId, id, before);
        return new UserAnswer(Failure: null);
    }

    /// <summary>
    /// Gives an account exactly these identifiers, as an administrator wants. Another node may have the user.
    /// </summary>
    /// <param name="record">The record of the act, which always applies.</param>
    public ValueTask<UserFailure?> SetAsync(
        string userId, IReadOnlyList<ThirdPartyId> ids, ConditionalChange record, CancellationToken stop) =>
        commands.RunAsync(
            userId,
            () => SetHereAsync(userId, ids, record, stop),
            () => new SetIdentifiers(userId, [.. ids.Select(TextOf)], record),
            stop);

    /// <summary>The same for a user who is here.</summary>
    internal async ValueTask<UserFailure?> SetHereAsync(
        string userId, IReadOnlyList<ThirdPartyId> ids, ConditionalChange record, CancellationToken stop)
    {
        if (ids.Count > options.MostOfUser) return TooMany;
        using var held = await locks.TakeAsync(userId, stop);
        var before = await OfAsync(userId, stop);
        var (now, language) = (clock.GetUtcNow().ToUnixTimeMilliseconds(), Messages.Languages.Usual);
        var batch = new WriteBatch(Authority.User(userId)).Require(new UserIsActive(userId)).Require(record);
        var removed = before.Where(row => !ids.Any(id => IsThat(row, id))).ToArray();
        foreach (var row in removed)
        {
            batch.Require(new ThirdPartyIdRemoved(userId, row.Medium, row.Address));
            EndPusher(batch, userId, row.Medium, row.Address);
        }

        var added = ids.Where(id => !before.Any(row => IsThat(row, id))).ToArray();
        foreach (var id in added)
        {
            batch.Require(new ThirdPartyIdAdded(
                new ThirdPartyIdRow(id.Medium, id.Address, userId, language, now), options.MostOfUser));
        }

        if (removed.Length + added.Length == 0) return null;
        if ((await writer.WriteAsync(batch, stop)).Refused) return _inUse;
        foreach (var id in added) await notices.AddedAsync(userId, id, stop);
        foreach (var row in removed)
        {
            if (ThirdPartyId.Read(row.Medium, row.Address) is { } id) notices.Removed(userId, id, before);
        }

        return null;
    }

    /// <summary>An address that the account has no more gets no mail about its messages.</summary>
    private static void EndPusher(WriteBatch batch, string userId, string medium, string address)
    {
        if (medium == Medium.Email) batch.Add(new PusherDeleted(userId, PusherApps.Email, address));
    }

    private UserFailure TooMany => new(
        UserFailureKind.LimitReached, $"An account has at most {options.MostOfUser} addresses and phone numbers.");

    private static bool IsThat(ThirdPartyIdRow row, ThirdPartyId id) =>
        row.Medium == id.Medium && row.Address == id.Address;

    private static IdentifierText TextOf(ThirdPartyId id) => new(id.Medium, id.Address);
}
