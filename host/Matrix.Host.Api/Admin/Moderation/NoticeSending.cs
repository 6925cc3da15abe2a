using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Moderation;

/// <summary>Server notices of administrators. Each that was sent is in the audit log.</summary>
internal sealed class NoticeSending(ServerNotices notices, AuditLog audit)
{
    /// <summary>Sends a notice to a local user. Returns the event's id.</summary>
    /// <param name="isActive">Whether clients show it until the next such notice.</param>
    internal async ValueTask<RoomResult<string>> SendAsync(
        AdminActor actor, string userId, string text, bool isActive, CancellationToken stop)
    {
        var sent = await notices.SendAsync(userId, text, isActive, stop);
        if (sent.IsOk) await audit.RecordAsync(actor, "notice.send", userId);
        return sent;
    }
}
