namespace Matrix.Import.Media;

/// <summary>The relative paths of media files in Synapse's folder.</summary>
internal static class MediaPaths
{
    /// <summary>The path of local media; null if the id is none that Synapse could have a file for.</summary>
    public static string? OfLocal(string mediaId) => PathOf(["local_content"], mediaId);

    /// <summary>
    /// The path of another server's media; null if the names are none that Synapse could have a file for.
    /// </summary>
    /// <param name="origin">The other server.</param>
    /// <param name="fileId">The name of the file, which is not the media's id.</param>
    public static string? OfRemote(string origin, string fileId) =>
        IsPlain(origin) ? PathOf(["remote_content", origin], fileId) : null;

    private static string? PathOf(string[] folders, string id) =>
        id.Length > 4 && IsPlain(id) ? Path.Combine([.. folders, id[..2], id[2..4], id[4..]]) : null;

    // Names come from a database: none may lead out of the folder.
    private static bool IsPlain(string name) =>
        name.Length is > 0 and <= 255 && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\0') < 0
        && (name.Length <= 4 || (name[..2] != ".." && name[2..4] != ".." && name[4..] is not ("." or "..")));
}
