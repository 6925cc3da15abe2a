namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The prefixes of media, each ending with a slash.</summary>
internal static class MediaPaths
{
    /// <summary>Uploads, and the deprecated downloads, under the names that they had over time.</summary>
    internal static string[] Older { get; } = ["/_matrix/media/v3/", "/_matrix/media/r0/", V1];

    /// <summary>The prefix of `create`.</summary>
    internal const string V1 = "/_matrix/media/v1/";
}
