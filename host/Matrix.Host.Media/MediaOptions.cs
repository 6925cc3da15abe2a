using Matrix.Host.Media.Store;

namespace Matrix.Host.Media;

/// <summary>Options of media. Configuration: `media`.</summary>
public sealed record MediaOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>The folder of the files.</summary>
    public required string Folder { get; init; }

    /// <summary>The bucket of the contents, in place of a folder.</summary>
    public S3Options S3 { get; init; } = new();

    /// <summary>The most bytes of one upload.</summary>
    public long UploadBytes { get; init; } = 50L << 20;

    /// <summary>The most bytes of one user's uploads.</summary>
    public long UserBytes { get; init; } = 10L << 30;

    /// <summary>The most URIs of one user.</summary>
    public int UserFiles { get; init; } = 100_000;

    /// <summary>Uploads of one user at once.</summary>
    public int UploadsPerUser { get; init; } = 8;

    /// <summary>Uploads of all users, and fetches from other servers, at once.</summary>
    public int UploadsAtOnce { get; init; } = 100;

    /// <summary>The least bytes a second at which an upload must arrive.</summary>
    public int UploadRate { get; init; } = 16 << 10;

    /// <summary>The URIs without content that one user may have.</summary>
    public int PendingPerUser { get; init; } = 20;

    /// <summary>How long a URI waits for its content.</summary>
    public TimeSpan PendingTime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The longest that a download waits for a content that has not been uploaded.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Downloads that wait for contents at once.</summary>
    public int WaitingDownloads { get; init; } = 1000;

    /// <summary>The most bytes of one content of another server.</summary>
    public long RemoteFileBytes { get; init; } = 100L << 20;

    /// <summary>The time of fetching a content of another server, waiting and redirects included.</summary>
    public TimeSpan RemoteTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Contents of other servers that are fetched at once.</summary>
    public int RemoteFetches { get; init; } = 16;

    /// <summary>Contents of one other server that are fetched at once.</summary>
    public int RemoteFetchesOfServer { get; init; } = 4;

    /// <summary>Contents of one other server that are fetched or wait for that.</summary>
    public int RemoteFetchesWaitingOfServer { get; init; } = 200;

    /// <summary>
    /// Contents of other servers that are fetched or wait for that, for one user, application service or address.
    /// </summary>
    public int RemoteFetchesWaitingOfUser { get; init; } = 100;

    /// <summary>Contents of other servers that are fetched or wait for that.</summary>
    public int RemoteFetchesWaiting { get; init; } = 500;

    /// <summary>
    /// How long a content is not asked for again after its server did not return it, and a server that is silent.
    /// </summary>
    public TimeSpan RemotePause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The redirects that are followed to a content or page of another server.</summary>
    public int Redirects { get; init; } = 5;

    /// <summary>Whether pages are previewed.</summary>
    public bool Previews { get; init; } = true;

    /// <summary>The hosts whose pages are not previewed, as names or globs.</summary>
    public IReadOnlyList<string> PreviewDenied { get; init; } = [];

    /// <summary>The languages that pages are asked for, as an `Accept-Language` header has them.</summary>
    public string PreviewLanguages { get; init; } = "en";

    /// <summary>The bytes of a page that are read for its preview.</summary>
    public int PreviewPageBytes { get; init; } = 1 << 20;

    /// <summary>The most bytes of a preview's image.</summary>
    public long PreviewImageBytes { get; init; } = 10 << 20;

    /// <summary>The time of making a preview, the image included.</summary>
    public TimeSpan PreviewTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Previews that are made at once.</summary>
    public int PreviewsAtOnce { get; init; } = 8;

    /// <summary>Previews that are made or wait for that.</summary>
    public int PreviewsWaiting { get; init; } = 200;

    /// <summary>Previews that one user makes or waits for. At most a quarter of all are made at once for one.</summary>
    public int PreviewsPerUser { get; init; } = 8;

    /// <summary>How long a preview is returned before its page is read again.</summary>
    public TimeSpan PreviewFresh { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a preview and its image are kept.</summary>
    public TimeSpan PreviewKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The previews that are kept. Beyond these the oldest are deleted.</summary>
    public int PreviewEntries { get; init; } = 100_000;

    /// <summary>The most bytes of all previews' images. Beyond these the oldest previews are deleted.</summary>
    public long PreviewCacheBytes { get; init; } = 1L << 30;

    /// <summary>The most pixels of an image of which a thumbnail is made, in all its pictures.</summary>
    public int ThumbnailPixels { get; init; } = 200_000_000;

    /// <summary>The most pictures of an animated thumbnail; of longer animations the first picture is taken.</summary>
    public int ThumbnailPictures { get; init; } = 500;

    /// <summary>The most bytes of an image of which a thumbnail is made.</summary>
    public long ThumbnailSourceBytes { get; init; } = 100L << 20;

    /// <summary>Thumbnails that are made at once.</summary>
    public int ThumbnailsAtOnce { get; init; } = 2;

    /// <summary>Thumbnails that are made or wait for that.</summary>
    public int ThumbnailsWaiting { get; init; } = 1000;

    /// <summary>
    /// Thumbnails that one user, server or address makes or waits for. At most half of all are made at once for one.
    /// </summary>
    public int ThumbnailsPerCaller { get; init; } = 200;

    /// <summary>The longest that a thumbnail waits for its turn, and then takes with all its steps.</summary>
    public TimeSpan ThumbnailWait { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a thumbnail is not tried again that could not be made.</summary>
    public TimeSpan ThumbnailPause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most bytes of all thumbnails. Beyond these the longest unused are deleted.</summary>
    public long ThumbnailCacheBytes { get; init; } = 5L << 30;

    /// <summary>The thumbnails of one image that are kept.</summary>
    public int ThumbnailsOfFile { get; init; } = 24;

    /// <summary>The time of making one.</summary>
    public TimeSpan ThumbnailTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The most bytes of address space for making one.</summary>
    public long ThumbnailMemory { get; init; } = 2L << 30;

    /// <summary>
    /// Whether images are decoded also where the process that does it cannot be kept apart from this server's files.
    /// </summary>
    public bool ImagesWithoutSandbox { get; init; }

    /// <summary>How precisely the time of the last access is kept.</summary>
    public TimeSpan AccessPrecision { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// The media that came here before this time is served without authentication, at the deprecated paths; null for
    /// none.
    /// </summary>
    public DateTimeOffset? UnauthenticatedUntil { get; init; }

    /// <summary>How long media of this server is kept after its last access; null for ever.</summary>
    public TimeSpan? LocalKept { get; init; }

    /// <summary>How long media of other servers is kept after its last access; null for ever.</summary>
    public TimeSpan? RemoteKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The most bytes of other servers' media. The longest unused is deleted first.</summary>
    public long RemoteCacheBytes { get; init; } = 10L << 30;

    /// <summary>How often old media is deleted.</summary>
    public TimeSpan CleaningInterval { get; init; } = TimeSpan.FromMinutes(10);
}
