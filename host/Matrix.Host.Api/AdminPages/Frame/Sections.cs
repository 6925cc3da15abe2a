namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>The sections of the navigation: the name of each section's first page, and its label.</summary>
internal static class Sections
{
    internal const string Overview = "overview";
    internal const string Users = "users";
    internal const string Rooms = "rooms";
    internal const string Media = "media";
    internal const string Reports = "reports";
    internal const string Servers = "servers";
    internal const string Policies = "policies";
    internal const string Tokens = "tokens";
    internal const string Notices = "notices";
    internal const string Jobs = "jobs";
    internal const string Audit = "audit";

    /// <summary>The sections in order.</summary>
    internal static IReadOnlyList<(string Page, string Label)> All { get; } =
    [
        (Overview, "Overview"),
        (Users, "Users"),
        (Rooms, "Rooms"),
        (Media, "Media"),
        (Reports, "Reports"),
        (Servers, "Other servers"),
        (Policies, "Policy lists"),
        (Tokens, "Registration tokens"),
        (Notices, "Server notices"),
        (Jobs, "Jobs"),
        (Audit, "Audit log"),
    ];

    /// <summary>The label of a section.</summary>
    internal static string LabelOf(string section) => All.First(each => each.Page == section).Label;
}
