using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Api.AdminPages.Media;

/// <summary>What the pages of media share.</summary>
internal static class MediaLinks
{
    internal const string OfUserPage = "user-media";
    internal const string FilePage = "file";

    /// <summary>The link to what a user uploaded.</summary>
    internal static string OfUser(string userId) => Link.To(OfUserPage, ("id", userId));

    /// <summary>The link to one file.</summary>
    internal static string File(string uri) => Link.To(FilePage, ("uri", uri));

    /// <summary>The URI of media.</summary>
    internal static string UriOf(MediaRow row) => $"mxc://{row.Origin}/{row.MediaId}";

    /// <summary>The buttons for one file.</summary>
    internal static Html ActionsOf(AdminVisit visit, MediaRow row, string look)
    {
        var uri = UriOf(row);
        return Html.Of($"""
            {(row.IsQuarantined
                ? ActionForm.Of(visit, "media-release", "Release", look, ("uri", uri))
                : ActionForm.Of(visit, "media-quarantine", "Quarantine", look, ("uri", uri)))}
            <a class="{(look.Length == 0 ? "button danger" : "quiet bad")}"
            href="{Link.To("media-delete", ("uri", uri))}">Delete</a>
            """);
    }
}
