namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>Links to rooms, which pages of users and of reports have too.</summary>
internal static class RoomLink
{
    internal const string Page = "room";
    internal const string EventPage = "room-event";

    /// <summary>The link to a room's page.</summary>
    internal static string To(string roomId) => Link.To(Page, ("id", roomId));

    /// <summary>The link to an event.</summary>
    internal static string ToEvent(string roomId, string eventId) =>
        Link.To(EventPage, ("id", roomId), ("event", eventId));
}
