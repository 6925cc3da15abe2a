using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>What the pages of a room share.</summary>
internal static class RoomMarks
{
    internal const string MembersPage = "room-members";
    internal const string StatePage = "room-state";
    internal const string GraphPage = "room-graph";

    /// <summary>The page for a room that this server does not know.</summary>
    internal static AdminView NoRoom { get; } =
        AdminView.Nothing(Sections.Rooms, "This server has no such room.") with { Above = ("Rooms", Sections.Rooms) };

    /// <summary>Marks that tell what kind of room it is.</summary>
    internal static Html Of(ListedRoom room) => Html.Of($"""
        {Format.BadgeIf(room.Summary.RoomType == "m.space", "info", "space")}
        {Format.BadgeIf(room.Summary.JoinRule == "public", "", "public")}
        {Format.BadgeIf(room.IsPublished, "", "published")}
        {Format.BadgeIf(room.Summary.Encryption is not null, "good", "encrypted")}
        {Format.BadgeIf(room.Summary.JoinedCount == 0, "warn", "empty")}
        """);

    /// <summary>A page of a room.</summary>
    internal static AdminView ViewOf(ListedRoom room, string page, Html marks, Html body)
    {
        var roomId = room.Summary.RoomId;
        (string Page, string Label)[] tabs =
            [(RoomLink.Page, "Room"), (MembersPage, "Members"), (StatePage, "State"), (GraphPage, "Graph")];
        return new AdminView(
            Sections.Rooms,
            room.Summary.Name ?? room.Summary.CanonicalAlias ?? "Room without a name",
            Html.Of($"""
                <nav class="tabs" aria-label="Room">{Html.Join(tabs.Select(tab => Tab.Of(
                    tab.Label, Link.To(tab.Page, ("id", roomId)), tab.Page == page)))}</nav>
                {body}
                """))
        {
            Above = ("Rooms", Sections.Rooms),
            Marks = marks,
        };
    }
}
