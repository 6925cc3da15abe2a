using Matrix.Core.Facade;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// Whether a user accepts invites: account data `m.invite_permission_config`. v1.19 client-server-api#invite-permission
/// </summary>
public sealed class InviteSetting(IAccountDataTable accountData)
{
    /// <summary>
    /// Whether a local user blocks all invites. Any other content, also a malformed one, blocks none.
    /// </summary>
    public async ValueTask<bool> BlocksAsync(string userId, CancellationToken stop)
    {
        var row = await accountData.FindAsync(userId, null, "m.invite_permission_config", stop);
        return row is not null
            && JsonText.TryParseStored(row.Content.Span, out var content)
            && content.Text("default_action") == "block";
    }
}
