using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The prefixes of media, each ending with a slash, and who may call what is below them.</summary>
internal static class MediaPaths
{
    internal static RouteOptions EveryUser { get; } = new() { Access = Access.UsersAndGuests };

    internal static RouteOptions Anyone { get; } = new() { Access = Access.Anyone };

    /// <summary>Uploads, and the deprecated downloads, under the names that they had over time.</summary>
    internal static string[] Older { get; } = ["/_matrix/media/v3/", "/_matrix/media/r0/", V1];

    /// <summary>The prefix of `create`.</summary>
    internal const string V1 = "/_matrix/media/v1/";
}
