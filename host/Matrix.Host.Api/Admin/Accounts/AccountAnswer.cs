using System.Text.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.UserListing;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>Everything that the administration API says of one account.</summary>
internal sealed class AccountAnswer(
    UserAdministration users,
    IAccountPolicy policy,
    AccountIdentifiers identifiers,
    IAccountsTable accountsTable,
    IProfilesTable profilesTable,
    ISingleSignOnTable singleSignOnTable,
    SsoOptions providers)
{
    /// <summary>The response with the account.</summary>
    internal async ValueTask<Answer> OfAsync(string userId, int status, CancellationToken stop)
    {
        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        var profile = await profilesTable.FindAsync(userId, stop);
        var devices = await accountsTable.DevicesAsync(userId, stop);
        var row = found.Value;
        var listed = new ListedUser(
            userId,
            row.Kind == UserKind.Guest,
            row.IsAdmin,
            row.DeactivatedAt is not null,
            row.Erased,
            row.CreatedAt,
            Field("displayname"),
            Field("avatar_url"),
            devices.Max(static device => device.LastSeenAt));
        var isLocked = row.IsLocked || await policy.RefusalAsync(userId, stop) is not null;
        var threepids = await identifiers.OfAsync(userId, stop);
        var identities = await singleSignOnTable.IdentitiesAsync(userId, stop);
        return Answer.Json(
            (listed, isLocked, row.IsSuspended, threepids, identities, providers),
            static (json, it) =>
            {
                // Tools expect a number here, also for a user whom nobody saw.
                ListedUserFormat.Write(json, it.listed with { LastSeenAt = it.listed.LastSeenAt ?? 0 });
                json.WriteBoolean("locked", it.isLocked);
                json.WriteBoolean("suspended", it.IsSuspended);
                ThirdPartyIdJson.Write(json, it.threepids);
                WriteIdentities(json, it.identities, it.providers);
            },
            status);

        // Without the cast, null would become empty memory.
        ReadOnlyMemory<byte>? Field(string name) =>
            profile.TryGetValue(name, out var value) ? (ReadOnlyMemory<byte>?)value : null;
    }

    /// <summary>An issuer that the configuration does not have any more stands for itself.</summary>
    private static void WriteIdentities(
        Utf8JsonWriter json, IReadOnlyList<SsoIdentityRow> identities, SsoOptions providers)
    {
        json.WriteStartArray("external_ids");
        foreach (var identity in identities)
        {
            var provider = providers.Providers.FirstOrDefault(each => each.Issuer == identity.Issuer);
            json.WriteStartObject();
            json.WriteString("auth_provider", provider?.Id ?? identity.Issuer);
            json.WriteString("external_id", identity.Subject);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
