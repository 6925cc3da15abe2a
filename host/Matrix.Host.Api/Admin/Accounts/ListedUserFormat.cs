using System.Text.Json;
using Matrix.Host.Storage.Tables.UserListing;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>An account as lists and details have it.</summary>
internal static class ListedUserFormat
{
    // This server has no types of users, and bans nobody without telling them.
    internal static void Write(Utf8JsonWriter json, ListedUser row)
    {
        json.WriteString("name", row.UserId);
        json.WriteNull("user_type");
        json.WriteBoolean("is_guest", row.IsGuest);
        json.WriteBoolean("admin", row.IsAdmin);
        json.WriteBoolean("deactivated", row.IsDeactivated);
        json.WriteBoolean("erased", row.IsErased);
        json.WriteBoolean("shadow_banned", false);
        AdminCalls.WriteStored(json, "displayname", row.DisplayName);
        AdminCalls.WriteStored(json, "avatar_url", row.AvatarUrl);
        json.WriteNumber("creation_ts", row.CreatedAt);
        AdminCalls.WriteNumberOrNull(json, "last_seen_ts", row.LastSeenAt);
    }
}
