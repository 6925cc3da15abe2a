using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Accounts with their passwords. Guests are carried as guests whose sessions have ended: they leave their rooms as
/// unused guests do. Synapse does not know when an account was deactivated: it counts as deactivated now.
/// </summary>
internal sealed class AccountsPart : PeoplePart
{
    private const int LongestUserId = 255;

    /// <inheritdoc/>
    public override string Name => "accounts";

    /// <inheritdoc/>
    public override string Title => "accounts";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } =
        ["users", "erased_users", "users_pending_deactivation", "monthly_active_users", "user_daily_visits"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var source = context.Source;
        var pending = source.HasTable("users_pending_deactivation")
            ? "EXISTS (SELECT 1 FROM users_pending_deactivation p WHERE p.user_id = u.name)"
            : "1 = 0";
        var rows = source.RowsAsync(
            $"""
            SELECT u.name, u.password_hash, u.creation_ts, u.admin, u.is_guest, u.appservice_id, u.user_type,
                u.deactivated, u.shadow_banned, {source.ColumnOr("users", "approved", "NULL")},
                {source.ColumnOr("users", "locked", "NULL")}, {source.ColumnOr("users", "suspended", "NULL")},
                CASE WHEN EXISTS (SELECT 1 FROM erased_users e WHERE e.user_id = u.name) THEN 1 ELSE 0 END,
                CASE WHEN {pending} THEN 1 ELSE 0 END, u.consent_version, u.consent_server_notice_sent
            FROM users u WHERE u.name > $1 ORDER BY u.name
            """,
            stop,
            progress.Reached ?? "");
        await foreach (var row in rows)
        {
            var account = new Account(row);
            if (account.Mistake(context) is { } mistake)
            {
                progress.Read("accounts");
                progress.LeaveOut("accounts", account.UserId, mistake);
            }
            else
            {
                progress.Read(account.Kinds);
                Carry(account, context, progress);
                progress.Written(account.Kinds);
            }

            await progress.SaveAsync(account.UserId, stop);
        }
    }

    private static void Carry(Account account, ImportContext context, PartProgress progress)
    {
        var id = account.UserId;
        progress.Add(
            new UserCreated(id, account.Kind, Password(account, context, progress), account.IsAdmin),
            First,
            account.CreatedAt);

        if (account.IsLocked) progress.Add(new AccountLockChanged(id, IsLocked: true, SparesAdmins: false));
        if (account.IsSuspended) progress.Add(new AccountSuspensionChanged(id, IsSuspended: true, SparesAdmins: false));
        if (account.IsShadowBanned)
        {
            LeaveOut("shadow bans", "This server has none: the user's messages reach everyone again.");
        }

        if (account.UserType is { Length: > 0 } type)
        {
            LeaveOut("user types", $"This server does not mark users as '{type}'.");
        }

        if (account.Consent is { } consent)
        {
            LeaveOut("consents to a policy", $"{consent} This server does not keep who accepted a policy.");
        }

        if (account.IsDeactivated)
        {
            progress.Add(new UserDeactivated(id, account.IsErased), First);
            if (!account.IsDeparting) progress.Add(new DepartureEnded(id));
        }
        else
        {
            if (account.IsErased) LeaveOut("erasures", "The account is not deactivated.");
            if (context.Settings.NeedsApproval && !account.IsApproved && !account.IsLocked)
            {
                progress.Add(new AccountLockChanged(id, IsLocked: true, SparesAdmins: false));
                LeaveOut(
                    "approvals", "The account waits for approval, and is locked: an administrator can unlock it.");
            }
        }

        void LeaveOut(string kind, string reason)
        {
            progress.Read(kind);
            progress.LeaveOut(kind, id, reason);
        }
    }

    private static string? Password(Account account, ImportContext context, PartProgress progress)
    {
        if (account.PasswordHash is not { Length: > 0 } hash || account.IsDeactivated) return null;
        if (!context.Settings.HasPasswords)
        {
            progress.Read("passwords that Synapse did not take");
            return null;
        }

        progress.Read("passwords");
        switch (ImportedPasswords.KindOf(hash))
        {
            case ImportedPasswordKind.Usable:
                progress.Written("passwords");
                return ImportedPasswords.StoredForm(hash);
            case ImportedPasswordKind.TooCostly:
                progress.LeaveOut(
                    "passwords", account.UserId,
                    $"Its bcrypt cost is over {ImportedPasswords.MostCost}: the user needs a new password.");
                return null;
            default:
                progress.LeaveOut(
                    "passwords", account.UserId, "Its hash is not one of bcrypt: the user needs a new password.");
                return null;
        }
    }

    /// <summary>A row of Synapse's users.</summary>
    private sealed class Account(ISourceRow row)
    {
        public string UserId { get; } = row.Text(0);

        public string? PasswordHash { get; } = row.TextOrNull(1);

        /// <summary>Synapse stores seconds.</summary>
        public long? CreatedAt { get; } = row.Int64OrNull(2) * 1000;

        public bool IsAdmin { get; } = row.Bool(3);

        public UserKind Kind { get; } = row.Bool(4) ? UserKind.Guest
            : row.Text(5).Length > 0 ? UserKind.AppService
            : UserKind.User;

        public string? UserType { get; } = row.TextOrNull(6);

        public bool IsShadowBanned { get; } = row.Bool(8);

        public bool IsApproved { get; } = row.IsNull(9) || row.Bool(9);

        public bool IsLocked { get; } = row.Bool(10);

        public bool IsSuspended { get; } = row.Bool(11);

        public bool IsErased { get; } = row.Bool(12);

        /// <summary>Whether the user still has to leave rooms.</summary>
        public bool IsDeparting { get; } = row.Bool(13);

        /// <summary>What the user did about the policy; null for nothing.</summary>
        public string? Consent { get; } = row.Text(14) is { Length: > 0 } accepted ? $"Version {accepted} was accepted."
            : row.Text(15) is { Length: > 0 } sent ? $"A notice asked to accept version {sent}."
            : null;

        public bool IsDeactivated { get; } = row.Bool(7) || row.Bool(13);

        /// <summary>What the report counts it among.</summary>
        public string Kinds => Kind switch
        {
            UserKind.Guest => "guests, whose sessions end",
            UserKind.AppService => "users of application services",
            _ when IsDeactivated => "deactivated accounts",
            _ => "accounts",
        };

        /// <summary>Why it cannot be carried; null if it can.</summary>
        public string? Mistake(ImportContext context) =>
            !UserId.StartsWith('@') || !context.IsLocal(UserId) ? $"It is no user of {context.ServerName}."
            : UserId.Length > LongestUserId ? $"A user id has at most {LongestUserId} characters."
            : null;
    }
}
