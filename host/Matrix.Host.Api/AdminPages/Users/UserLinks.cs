using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>What the pages of a user share.</summary>
internal static class UserLinks
{
    internal const string Page = "user";
    internal const string DevicesPage = "user-devices";
    internal const string RoomsPage = "user-rooms";

    /// <summary>The link to a user's page.</summary>
    internal static string To(string userId) => Link.To(Page, ("id", userId));

    /// <summary>The page for a user who does not exist here.</summary>
    internal static AdminView NoUser { get; } =
        AdminView.Nothing(Sections.Users, "This server has no such user.") with { Above = ("Users", Sections.Users) };

    /// <summary>A page of a user.</summary>
    internal static AdminView ViewOf(string userId, string page, Html marks, Html body) =>
        new(Sections.Users, userId, Html.Of($"{Tabs(userId, page)}{body}"))
        {
            Above = ("Users", Sections.Users),
            Marks = marks,
        };

    private static Html Tabs(string userId, string current)
    {
        (string Page, string Label)[] tabs =
            [(Page, "Account"), (DevicesPage, "Devices"), (RoomsPage, "Rooms"), ("user-media", "Media")];
        return Html.Of($"""
            <nav class="tabs" aria-label="User">{Html.Join(tabs.Select(tab => Tab.Of(
                tab.Label, Link.To(tab.Page, ("id", userId)), tab.Page == current)))}</nav>
            """);
    }
}
