using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>What a user has: devices, and rooms.</summary>
internal sealed class UserBelongings(
    AdminFrame frame, DeviceAdministration devices, RoomLists rooms, IMembershipsTable membershipsTable) : IEndpoints
{
    private static readonly Column[] _deviceColumns =
    [
        new("Device"), new("Last seen"), new("Address") { IsOptional = true }, new("Client") { IsOptional = true },
        new("Action"),
    ];

    private static readonly Column[] _roomColumns = [new("Room"), new("Membership")];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, UserLinks.DevicesPage, DevicesAsync);
        frame.Page(routes, UserLinks.RoomsPage, RoomsAsync);
    }

    private async ValueTask<AdminView> DevicesAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var found = await devices.ListAsync(userId, stop);
        if (!found.IsOk) return UserLinks.NoUser;
        var list = new ListState(UserLinks.DevicesPage, visit, "", "id") { Total = found.Value.Count };
        var rows = found.Value.OrderByDescending(static row => row.LastSeenAt ?? row.CreatedAt)
            .Skip((int)list.From).Take(ListState.PageSize).Select(DeviceOf);
        return UserLinks.ViewOf(
            userId,
            UserLinks.DevicesPage,
            Html.Empty,
            DataTable.Of("Devices, each with a session", _deviceColumns, [.. rows], "The user has no devices.", list));
    }

    private static Html[] DeviceOf(DeviceRow row) =>
    [
        Html.Of($"""{row.ShownName()}<small class="id">{row.DeviceId}</small>"""),
        Format.Time(row.LastSeenAt),
        Format.TextOr(row.LastSeenIp),
        Format.TextOr(row.LastUserAgent),
        Html.Of($"""
            <a class="quiet bad"
            href="{Link.To("device-delete", ("id", row.UserId), ("device", row.DeviceId))}">Log out</a>
            """),
    ];

    private async ValueTask<AdminView> RoomsAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var all = await membershipsTable.RoomsOfAsync(userId, MembershipSet.Any, stop);
        var list = new ListState(UserLinks.RoomsPage, visit, "", "id", "q") { Total = all.Count };
        var rows = new List<Html[]>();
        foreach (var row in all.Skip((int)list.From).Take(ListState.PageSize))
        {
            var name = await rooms.NameAsync(row.RoomId, stop);
            rows.Add(
            [
                Html.Of($"""
                    <a href="{RoomLink.To(row.RoomId)}">{name ?? row.RoomId}</a>
                    <small class="id">{row.RoomId}</small>
                    """),
                Html.Of($"{WordFor(row.Membership)}{(row.Forgotten ? ", forgotten" : "")}"),
            ]);
        }

        return UserLinks.ViewOf(
            userId,
            UserLinks.RoomsPage,
            Html.Empty,
            DataTable.Of("Rooms of the user", _roomColumns, rows, "The user is in no rooms.", list));
    }

    private static string WordFor(Membership membership) => membership switch
    {
        Membership.Join => "joined",
        Membership.Invite => "invited",
        Membership.Knock => "knocking",
        Membership.Ban => "banned",
        _ => "left",
    };
}
