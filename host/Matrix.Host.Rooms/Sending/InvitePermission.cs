using Matrix.Core.Facade;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Who wants no invites (`m.invite_permission_config`). Client-Server API, "Invite permission".</summary>
internal sealed class InvitePermission(IAccountDataTable accountData)
{
    /// <summary>Whether a local user blocks all invites. What the setting says otherwise, or in a wrong form, blocks none.</summary>
    internal async ValueTask<bool> BlocksAsync(string userId, CancellationToken stop)
    {
        var row = await accountData.FindAsync(userId, null, "m.invite_permission_config", stop).ConfigureAwait(false);
        return row is not null
            && JsonText.TryParseStored(row.Content.Span, out var content)
            && content.Text("default_action") == "block";
    }
}
