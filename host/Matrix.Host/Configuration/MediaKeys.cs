namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of media.</summary>
    private static ConfigKey[] MediaKeys() =>
    [
        MediaFolder,
        Key(
            "media.s3_endpoint", ConfigTypes.Text, c => c.Media.S3.Endpoint,
            "The address of an S3 service, such as https://s3.eu-central-1.amazonaws.com, in whose bucket contents are "
                + "kept; \"\" for the folder. Thumbnails stay in the folder."),
        Key("media.s3_region", ConfigTypes.Text, c => c.Media.S3.Region, "The region that signatures name."),
        Key("media.s3_bucket", ConfigTypes.Text, c => c.Media.S3.Bucket, "The bucket, which must exist."),
        Key("media.s3_prefix", ConfigTypes.Text, c => c.Media.S3.Prefix, "What the names of contents begin with."),
        Key("media.s3_access_key", ConfigTypes.Text, c => c.Media.S3.AccessKey, "The id of the key."),
        Key("media.s3_secret_key", ConfigTypes.Text, c => c.Media.S3.SecretKey, "The key."),
        Key(
            "media.s3_path_style", ConfigTypes.Flag, c => c.Media.S3.PathStyle,
            "Whether the bucket is named in the path, and not in the host's name."),
        Key(
            "media.s3_time", ConfigTypes.TimerDuration, c => c.Media.S3.Time,
            "The time of one request to the service."),
        Key(
            "media.upload_bytes", ConfigTypes.Bytes(1), c => c.Media.UploadBytes,
            "One upload. A proxy in front of the server must let it pass."),
        Key(
            "media.user_bytes", ConfigTypes.Bytes(0), c => c.Media.UserBytes,
            "All uploads of one user. 0 forbids uploads."),
        Key("media.user_files", ConfigTypes.Whole(0), c => c.Media.UserFiles, "Uploads of one user."),
        Key(
            "media.uploads_per_user", ConfigTypes.Whole(1), c => c.Media.UploadsPerUser,
            "Uploads of one user at the same time; more get an error and may retry."),
        Key(
            "media.uploads_at_once", ConfigTypes.Whole(1), c => c.Media.UploadsAtOnce,
            "Uploads of all users at the same time."),
        Key(
            "media.upload_rate", ConfigTypes.FewBytes(1, 1 << 30), c => c.Media.UploadRate,
            "How fast an upload must arrive, in bytes a second, after ten seconds."),
        Key(
            "media.pending_per_user", ConfigTypes.Whole(0), c => c.Media.PendingPerUser,
            "URIs that one user creates before their content is uploaded."),
        Key(
            "media.pending_time", ConfigTypes.Duration, c => c.Media.PendingTime,
            "How long such a URI waits for its content."),
        Key(
            "media.longest_wait", ConfigTypes.TimerDuration, c => c.Media.LongestWait,
            "The longest that a download waits for a content, whatever time the client requests."),
        Key(
            "media.waiting_downloads", ConfigTypes.Whole(0), c => c.Media.WaitingDownloads,
            "Downloads that wait so at once; others get an error at once."),
        Key(
            "media.unauthenticated_until", ConfigTypes.TimeOrNone, c => c.Media.UnauthenticatedUntil,
            "Media that came here before this time, such as 2026-11-23T00:00:00Z, is served without authentication at "
                + "the deprecated paths, \"\" for none. Media of a server that was moved here may need it. Before that "
                + "time, these paths also fetch other servers' media."),
        Key(
            "media.local_kept", ConfigTypes.DurationOrEver, c => c.Media.LocalKept,
            "How long this server's media is kept after its last download, such as 365d, or ever. Pictures of rooms "
                + "and users are media, too."),
        Key(
            "media.remote_kept", ConfigTypes.DurationOrEver, c => c.Media.RemoteKept,
            "The same for copies of other servers' media, which are fetched again when they are needed."),
        Key(
            "media.remote_cache_bytes", ConfigTypes.Bytes(0), c => c.Media.RemoteCacheBytes,
            "All such copies; the longest unused ones are deleted first."),
        Key(
            "media.remote_file_bytes", ConfigTypes.Bytes(1), c => c.Media.RemoteFileBytes,
            "One file of another server; larger ones are not fetched."),
        Key(
            "media.remote_time", ConfigTypes.TimerDuration, c => c.Media.RemoteTime,
            "The time of fetching a file of another server."),
        Key(
            "media.remote_fetches", ConfigTypes.Whole(1), c => c.Media.RemoteFetches,
            "Files of other servers that are fetched at once; others wait."),
        Key(
            "media.remote_fetches_of_server", ConfigTypes.Whole(1), c => c.Media.RemoteFetchesOfServer,
            "Files of one other server that are fetched at once; others wait."),
        Key(
            "media.remote_fetches_waiting_of_server", ConfigTypes.Whole(1), c => c.Media.RemoteFetchesWaitingOfServer,
            "Files of one other server that are fetched or wait for that; more requests get an error and may retry."),
        Key(
            "media.remote_fetches_waiting_of_user", ConfigTypes.Whole(1), c => c.Media.RemoteFetchesWaitingOfUser,
            "Files of other servers that are fetched or wait for that, for one user, one application service, or one "
                + "address without a token. At most a quarter of all are fetched at once for one."),
        Key(
            "media.remote_fetches_waiting", ConfigTypes.Whole(1), c => c.Media.RemoteFetchesWaiting,
            "Files of other servers that are fetched or wait for that; more requests get an error and may retry."),
        Key(
            "media.remote_pause", ConfigTypes.Duration, c => c.Media.RemotePause,
            "How long a file is not asked for again after its server did not return it."),
        Key(
            "media.thumbnail_pixels", ConfigTypes.Whole(1), c => c.Media.ThumbnailPixels,
            "Pixels of an image of which a thumbnail is made, in all its pictures."),
        Key(
            "media.thumbnail_pictures", ConfigTypes.Whole(1), c => c.Media.ThumbnailPictures,
            "Pictures of an animated thumbnail; of longer animations the first picture is taken."),
        Key(
            "media.thumbnail_source_bytes", ConfigTypes.Bytes(1), c => c.Media.ThumbnailSourceBytes,
            "Bytes of an image of which a thumbnail is made."),
        Key(
            "media.thumbnails_at_once", ConfigTypes.Whole(1, 256), c => c.Media.ThumbnailsAtOnce,
            "Thumbnails that are made at once, each in a process of its own; others wait."),
        Key(
            "media.thumbnails_waiting", ConfigTypes.Whole(1), c => c.Media.ThumbnailsWaiting,
            "Thumbnails that are made or wait for that; more requests get an error and may retry."),
        Key(
            "media.thumbnails_per_caller", ConfigTypes.Whole(1), c => c.Media.ThumbnailsPerCaller,
            "The same of one user, of one other server, or of one address without a token."),
        Key(
            "media.thumbnail_wait", ConfigTypes.TimerDuration, c => c.Media.ThumbnailWait,
            "The longest that a thumbnail waits for its turn, and then takes with all its steps."),
        Key(
            "media.thumbnail_pause", ConfigTypes.Duration, c => c.Media.ThumbnailPause,
            "How long a thumbnail is not tried again that could not be made."),
        Key(
            "media.thumbnail_cache_bytes", ConfigTypes.Bytes(0), c => c.Media.ThumbnailCacheBytes,
            "All thumbnails; the longest unused ones are deleted first."),
        Key(
            "media.thumbnails_of_file", ConfigTypes.Whole(1), c => c.Media.ThumbnailsOfFile,
            "Thumbnails of one image that are kept; the longest unused ones are deleted first."),
        Key(
            "media.thumbnail_time", ConfigTypes.TimerDuration, c => c.Media.ThumbnailTime,
            "The time of each step of making one."),
        Key(
            "media.thumbnail_memory", ConfigTypes.Bytes(64 << 20), c => c.Media.ThumbnailMemory,
            "The address space of the process that makes one."),
        Key(
            "media.images_without_sandbox", ConfigTypes.Flag, c => c.Media.ImagesWithoutSandbox,
            "Whether there are thumbnails also where bubblewrap is missing or not allowed. Then a fault in a decoder "
                + "of images gives a stranger this server's files, its keys too."),
        Key(
            "media.redirects", ConfigTypes.Whole(0, 100), c => c.Media.Redirects,
            "Redirects that are followed to a file of another server, or to a page."),
        Key(
            "media.previews", ConfigTypes.Flag, c => c.Media.Previews,
            "Whether users get previews of web pages. This server fetches the pages that they ask for."),
        Key(
            "media.preview_denied", ConfigTypes.ServerPatterns, c => c.Media.PreviewDenied,
            "Hosts whose pages are not previewed, such as *.example.org. Private networks are not reached, unless "
                + "federation.allow_networks has them."),
        Key(
            "media.preview_languages", ConfigTypes.Text, c => c.Media.PreviewLanguages,
            "The languages of pages, the best first, such as \"de, en;q=0.5\"."),
        Key(
            "media.preview_page_bytes", ConfigTypes.FewBytes(1 << 10, 64 << 20), c => c.Media.PreviewPageBytes,
            "The bytes of a page that are read."),
        Key(
            "media.preview_image_bytes", ConfigTypes.Bytes(0), c => c.Media.PreviewImageBytes,
            "The image of a preview; larger ones are not shown."),
        Key(
            "media.preview_time", ConfigTypes.TimerDuration, c => c.Media.PreviewTime, "The time of making a preview."),
        Key(
            "media.previews_at_once", ConfigTypes.Whole(1), c => c.Media.PreviewsAtOnce,
            "Previews that are made at once; others wait."),
        Key(
            "media.previews_waiting", ConfigTypes.Whole(1), c => c.Media.PreviewsWaiting,
            "Previews that are made or wait for that; more requests get an error and may retry."),
        Key(
            "media.previews_per_user", ConfigTypes.Whole(1), c => c.Media.PreviewsPerUser,
            "The same of one user."),
        Key(
            "media.preview_fresh", ConfigTypes.Duration, c => c.Media.PreviewFresh,
            "How long a preview is returned before the page is read again."),
        Key(
            "media.preview_kept", ConfigTypes.Duration, c => c.Media.PreviewKept,
            "How long previews and their images are kept."),
        Key(
            "media.preview_entries", ConfigTypes.Whole(0), c => c.Media.PreviewEntries,
            "Previews that are kept; the oldest are deleted first."),
        Key(
            "media.preview_cache_bytes", ConfigTypes.Bytes(0), c => c.Media.PreviewCacheBytes,
            "The images of all previews; the oldest are deleted first."),
        Key(
            "media.access_precision", ConfigTypes.Duration, c => c.Media.AccessPrecision,
            "How precisely the time of the last download is kept. Each note of it is a write."),
        Key(
            "media.cleaning_interval", ConfigTypes.TimerDuration, c => c.Media.CleaningInterval,
            "How often media that is no longer kept is deleted."),
    ];
}
