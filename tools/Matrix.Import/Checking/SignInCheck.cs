using Matrix.Import.Configuration;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Checking;

/// <summary>
/// Who could not sign in any more: active users who have neither a password that counts nor a link to a provider that
/// is carried. Their sessions go on; a new sign-in needs a password that an administrator sets. Users without any way
/// into Synapse, such as the one that sends notices, lose none.
/// </summary>
/// <param name="source">Synapse's databases.</param>
/// <param name="hasPasswords">Whether passwords of Synapse's database count.</param>
/// <param name="providers">The names in `user_external_ids` of providers whose links are carried.</param>
/// <param name="hasUnseenWays">Whether some sign in by what is not in the database, such as LDAP.</param>
internal sealed class SignInCheck(
    SynapseSource source, bool hasPasswords, IReadOnlySet<string> providers, bool hasUnseenWays)
{
    /// <summary>The check for a configuration.</summary>
    public static SignInCheck Of(SynapseConfig config, SourceSettings settings, SynapseSource source) => new(
        source,
        settings.HasPasswords && config.Passwords.AreForLogin,
        settings.IdentityProviders.Keys.ToHashSet(),
        config.Delegated is not null
            || config.OtherSignIns.HasJwt
            || config.Modules.Any(static module => module.MayCheckPasswords));

    /// <summary>The users who could not sign in, with the ways that they have in Synapse only.</summary>
    public async IAsyncEnumerable<LockedOutUser> LockedOutAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        // Application services sign in for their users, who have no way of their own.
        await foreach (var row in source.RowsAsync(
            """
            SELECT u.name, CASE WHEN u.password_hash IS NULL OR u.password_hash = '' THEN 0 ELSE 1 END
            FROM users u
            WHERE u.deactivated = 0 AND u.is_guest = 0 AND u.appservice_id IS NULL
            ORDER BY u.name
            """,
            stop))
        {
            var (user, hasPassword) = (row.Text(0), row.Bool(1));
            if (hasPassword && hasPasswords) continue;
            var ways = await source.ListAsync(
                "SELECT DISTINCT auth_provider FROM user_external_ids WHERE user_id = $1 ORDER BY auth_provider",
                static link => link.Text(0),
                stop,
                user);
            if (ways.Exists(providers.Contains) || (ways.Count == 0 && !hasUnseenWays)) continue;
            yield return new LockedOutUser(user, ways.Count > 0 ? string.Join(", ", ways)
                : "neither a password nor an identity in Synapse's database");
        }
    }
}
