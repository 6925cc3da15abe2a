using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>The list of rooms.</summary>
internal sealed class RoomList(AdminFrame frame, RoomLists rooms) : IEndpoints
{
    private static readonly Column[] _columns =
    [
        new("Room") { Order = "name" },
        new("Kind"),
        new("Members") { Order = "members", IsNumber = true },
        new("Local") { Order = "local", IsNumber = true, IsOptional = true },
        new("State") { Order = "state", IsNumber = true, IsOptional = true },
        new("Version") { Order = "version", IsNumber = true, IsOptional = true },
    ];

    public void Map(ClientRoutes routes) => frame.Page(routes, Sections.Rooms, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Rooms, visit, "name", "q", "kind");
        var query = new RoomListQuery
        {
            SearchTerm = list["q"],
            IsPublished = list["kind"] == "published" ? true : null,
            IsEmpty = list["kind"] == "empty" ? true : null,
            Order = list.Order switch
            {
                "members" => RoomOrder.JoinedMembers,
                "local" => RoomOrder.JoinedLocalMembers,
                "state" => RoomOrder.StateEvents,
                "version" => RoomOrder.Version,
                _ => RoomOrder.Name,
            },
            IsReversed = list.IsReversed,
        };
        var found = await rooms.ListAsync(query, list.From, ListState.PageSize, stop);
        list.Total = found.Total;
        return new AdminView(Sections.Rooms, "Rooms", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Name, alias or room id")}
                {list.Choice("kind", "Rooms", ("", "all"), ("published", "published"), ("empty", "without members"))}
                """))}
            {DataTable.Of(
                "Rooms that this server knows", _columns, [.. found.Rooms.Select(RowOf)], "No room matches.", list)}
            """));
    }

    private static Html[] RowOf(ListedRoom room)
    {
        var summary = room.Summary;
        var name = summary.Name ?? summary.CanonicalAlias;
        return
        [
            Html.Of($"""
                <a href="{RoomLink.To(summary.RoomId)}">{name ?? "Without a name"}</a>
                <small class="id">{summary.CanonicalAlias ?? summary.RoomId}</small>
                """),
            RoomMarks.Of(room),
            Html.Of($"{Format.Count(summary.JoinedCount)}"),
            Html.Of($"{Format.Count(room.LocalMembers)}"),
            Html.Of($"{Format.Count(room.StateEvents)}"),
            Format.TextOr(summary.Version),
        ];
    }
}
