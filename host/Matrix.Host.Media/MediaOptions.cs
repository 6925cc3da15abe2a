using Matrix.Host.Media.Store;
using Matrix.Host.Parts;

namespace Matrix.Host.Media;

/// <summary>Options of media. Configuration: `media`.</summary>
public sealed record MediaOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "media.folder",
        "The folder of the files, \"\" for `media` in data_dir. Relative to this file.",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    public required string Folder { get; init; }

    /// <summary>The name of this node, if others serve beside it; empty otherwise.</summary>
    public string Node { get; init; } = "";

    /// <summary>Whether other nodes have the folder, too: contents are in it.</summary>
    internal bool SharesFolder => Node.Length > 0 && S3.Endpoint.Length == 0;

    /// <summary>Whether each node looks after its own folder, in which there are no contents.</summary>
    internal bool HasOwnFolder => Node.Length > 0 && S3.Endpoint.Length > 0;

    /// <summary>The bucket of the contents, in place of a folder.</summary>
    public S3Options S3 { get; init; } = new();

    [Setting("media.upload_bytes", "One upload. A proxy in front of the server must let it pass.", Least = 1)]
    public long UploadBytes { get; init; } = 50L << 20;

    [Setting("media.user_bytes", "All uploads of one user. 0 forbids uploads.")]
    public long UserBytes { get; init; } = 10L << 30;

    [Setting("media.user_files", "Uploads of one user.")]
    public int UserFiles { get; init; } = 100_000;

    [Setting(
        "media.uploads_per_user",
        "Uploads of one user at the same time; more get an error and may retry.",
        Least = 1)]
    public int UploadsPerUser { get; init; } = 8;

    [Setting("media.uploads_at_once", "Uploads of all users at the same time.", Least = 1)]
    public int UploadsAtOnce { get; init; } = 100;

    [Setting(
        "media.upload_rate",
        "How fast an upload must arrive, in bytes a second, after ten seconds.",
        Form = SettingForm.Bytes, Least = 1, Most = 1 << 30)]
    public int UploadRate { get; init; } = 16 << 10;

    [Setting("media.pending_per_user", "URIs that one user creates before their content is uploaded.")]
    public int PendingPerUser { get; init; } = 20;

    [Setting("media.pending_time", "How long such a URI waits for its content.")]
    public TimeSpan PendingTime { get; init; } = TimeSpan.FromHours(24);

    [Setting(
        "media.longest_wait",
        "The longest that a download waits for a content, whatever time the client requests.",
        Form = SettingForm.Timer)]
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("media.waiting_downloads", "Downloads that wait so at once; others get an error at once.")]
    public int WaitingDownloads { get; init; } = 1000;

    [Setting(
        "media.unauthenticated_until",
        "Media that came here before this time, such as 2026-11-23T00:00:00Z, is served without authentication "
            + "at the deprecated paths, \"\" for none. Media of a server that was moved here may need it. Before "
            + "that time, these paths also fetch other servers' media.")]
    public DateTimeOffset? UnauthenticatedUntil { get; init; }

    [Setting(
        "media.local_kept",
        "How long this server's media is kept after its last download, such as 365d, or ever. Pictures of rooms "
            + "and users are media, too.")]
    public TimeSpan? LocalKept { get; init; }

    [Setting(
        "media.remote_kept",
        "The same for copies of other servers' media, which are fetched again when they are needed.")]
    public TimeSpan? RemoteKept { get; init; } = TimeSpan.FromDays(30);

    [Setting("media.remote_cache_bytes", "All such copies; the longest unused ones are deleted first.")]
    public long RemoteCacheBytes { get; init; } = 10L << 30;

    [Setting("media.remote_file_bytes", "One file of another server; larger ones are not fetched.", Least = 1)]
    public long RemoteFileBytes { get; init; } = 100L << 20;

    [Setting("media.remote_time", "The time of fetching a file of another server.", Form = SettingForm.Timer)]
    public TimeSpan RemoteTime { get; init; } = TimeSpan.FromMinutes(2);

    [Setting("media.remote_fetches", "Files of other servers that are fetched at once; others wait.", Least = 1)]
    public int RemoteFetches { get; init; } = 16;

    [Setting(
        "media.remote_fetches_of_server",
        "Files of one other server that are fetched at once; others wait.",
        Least = 1)]
    public int RemoteFetchesOfServer { get; init; } = 4;

    [Setting(
        "media.remote_fetches_waiting_of_server",
        "Files of one other server that are fetched or wait for that; more requests get an error and may retry.",
        Least = 1)]
    public int RemoteFetchesWaitingOfServer { get; init; } = 200;

    [Setting(
        "media.remote_fetches_waiting_of_user",
        "Files of other servers that are fetched or wait for that, for one user, one application service, or one "
            + "address without a token. At most a quarter of all are fetched at once for one.",
        Least = 1)]
    public int RemoteFetchesWaitingOfUser { get; init; } = 100;

    [Setting(
        "media.remote_fetches_waiting",
        "Files of other servers that are fetched or wait for that; more requests get an error and may retry.",
        Least = 1)]
    public int RemoteFetchesWaiting { get; init; } = 500;

    [Setting("media.remote_pause", "How long a file is not asked for again after its server did not return it.")]
    public TimeSpan RemotePause { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "media.thumbnail_pixels",
        "Pixels of an image of which a thumbnail is made, in all its pictures.",
        Least = 1)]
    public int ThumbnailPixels { get; init; } = 200_000_000;

    [Setting(
        "media.thumbnail_pictures",
        "Pictures of an animated thumbnail; of longer animations the first picture is taken.",
        Least = 1)]
    public int ThumbnailPictures { get; init; } = 500;

    [Setting("media.thumbnail_source_bytes", "Bytes of an image of which a thumbnail is made.", Least = 1)]
    public long ThumbnailSourceBytes { get; init; } = 100L << 20;

    [Setting(
        "media.thumbnails_at_once",
        "Thumbnails that are made at once, each in a process of its own; others wait.",
        Least = 1, Most = 256)]
    public int ThumbnailsAtOnce { get; init; } = 2;

    [Setting(
        "media.thumbnails_waiting",
        "Thumbnails that are made or wait for that; more requests get an error and may retry.",
        Least = 1)]
    public int ThumbnailsWaiting { get; init; } = 1000;

    [Setting(
        "media.thumbnails_per_caller",
        "The same of one user, of one other server, or of one address without a token.",
        Least = 1)]
    public int ThumbnailsPerCaller { get; init; } = 200;

    [Setting(
        "media.thumbnail_wait",
        "The longest that a thumbnail waits for its turn, and then takes with all its steps.",
        Form = SettingForm.Timer)]
    public TimeSpan ThumbnailWait { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("media.thumbnail_pause", "How long a thumbnail is not tried again that could not be made.")]
    public TimeSpan ThumbnailPause { get; init; } = TimeSpan.FromMinutes(10);

    [Setting("media.thumbnail_cache_bytes", "All thumbnails; the longest unused ones are deleted first.")]
    public long ThumbnailCacheBytes { get; init; } = 5L << 30;

    [Setting(
        "media.thumbnails_of_file",
        "Thumbnails of one image that are kept; the longest unused ones are deleted first.",
        Least = 1)]
    public int ThumbnailsOfFile { get; init; } = 24;

    [Setting("media.thumbnail_time", "The time of each step of making one.", Form = SettingForm.Timer)]
    public TimeSpan ThumbnailTime { get; init; } = TimeSpan.FromSeconds(20);

    [Setting("media.thumbnail_memory", "The address space of the process that makes one.", Least = 64 << 20)]
    public long ThumbnailMemory { get; init; } = 2L << 30;

    [Setting(
        "media.images_without_sandbox",
        "Whether there are thumbnails also where bubblewrap is missing or not allowed. Then a fault in a decoder "
            + "of images gives a stranger this server's files, its keys too.")]
    public bool ImagesWithoutSandbox { get; init; }

    [Setting("media.redirects", "Redirects that are followed to a file of another server, or to a page.", Most = 100)]
    public int Redirects { get; init; } = 5;

    [Setting(
        "media.previews",
        "Whether users get previews of web pages. This server fetches the pages that they ask for.")]
    public bool Previews { get; init; } = true;

    [Setting(
        "media.preview_denied",
        "Hosts whose pages are not previewed, such as *.example.org. Private networks are not reached, unless "
            + "federation.allow_networks has them.",
        Form = SettingForm.ServerPatterns)]
    public IReadOnlyList<string> PreviewDenied { get; init; } = [];

    [Setting("media.preview_languages", "The languages of pages, the best first, such as \"de, en;q=0.5\".")]
    public string PreviewLanguages { get; init; } = "en";

    [Setting(
        "media.preview_page_bytes",
        "The bytes of a page that are read.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 64 << 20)]
    public int PreviewPageBytes { get; init; } = 1 << 20;

    [Setting("media.preview_image_bytes", "The image of a preview; larger ones are not shown.")]
    public long PreviewImageBytes { get; init; } = 10 << 20;

    [Setting("media.preview_time", "The time of making a preview.", Form = SettingForm.Timer)]
    public TimeSpan PreviewTime { get; init; } = TimeSpan.FromSeconds(20);

    [Setting("media.previews_at_once", "Previews that are made at once; others wait.", Least = 1)]
    public int PreviewsAtOnce { get; init; } = 8;

    [Setting(
        "media.previews_waiting",
        "Previews that are made or wait for that; more requests get an error and may retry.",
        Least = 1)]
    public int PreviewsWaiting { get; init; } = 200;

    [Setting("media.previews_per_user", "The same of one user.", Least = 1)]
    public int PreviewsPerUser { get; init; } = 8;

    [Setting("media.preview_fresh", "How long a preview is returned before the page is read again.")]
    public TimeSpan PreviewFresh { get; init; } = TimeSpan.FromHours(1);

    [Setting("media.preview_kept", "How long previews and their images are kept.")]
    public TimeSpan PreviewKept { get; init; } = TimeSpan.FromDays(30);

    [Setting("media.preview_entries", "Previews that are kept; the oldest are deleted first.")]
    public int PreviewEntries { get; init; } = 100_000;

    [Setting("media.preview_cache_bytes", "The images of all previews; the oldest are deleted first.")]
    public long PreviewCacheBytes { get; init; } = 1L << 30;

    [Setting(
        "media.access_precision",
        "How precisely the time of the last download is kept. Each note of it is a write.")]
    public TimeSpan AccessPrecision { get; init; } = TimeSpan.FromHours(1);

    [Setting("media.cleaning_interval", "How often media that is no longer kept is deleted.", Form = SettingForm.Timer)]
    public TimeSpan CleaningInterval { get; init; } = TimeSpan.FromMinutes(10);
}
