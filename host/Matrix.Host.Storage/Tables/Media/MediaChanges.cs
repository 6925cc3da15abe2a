using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Media;

/// <summary>The media of a URI.</summary>
/// <param name="Origin">The server's name in the URI.</param>
/// <param name="FileHash">The SHA-256 of the content in hexadecimal; null as long as it was not uploaded.</param>
/// <param name="Size">Bytes of the content.</param>
/// <param name="Uploader">
/// The local user who created the URI; null for media of other servers, and for images of previews.
/// </param>
/// <param name="CreatedAt">When the content came here, or the URI was created; milliseconds since the epoch.</param>
/// <param name="ExpiresAt">When the URI ends if it has no content then; null if it has.</param>
/// <param name="IsQuarantined">Whether its file must not be served.</param>
public sealed record MediaRow(
    string Origin,
    string MediaId,
    string? FileHash,
    long Size,
    string ContentType,
    string? FileName,
    string? Uploader,
    long CreatedAt,
    long AccessedAt,
    long? ExpiresAt,
    bool IsQuarantined)
{
    /// <summary>Whether it is left out when all media of a user or room is put in quarantine.</summary>
    public bool IsProtected { get; init; }

    /// <summary>The name of the file that is stored in its row; null for the files of earlier versions.</summary>
    public string? StoredAs { get; init; }

    /// <summary>The name of its file; null as long as it has none. No other file ever has it.</summary>
    public string? File => StoredAs ?? FileHash;
}

/// <summary>Which media is listed.</summary>
public sealed record MediaListing
{
    /// <summary>The server's name in the last URI of the page before; empty for the first page.</summary>
    public string AfterOrigin { get; init; } = "";

    /// <summary>The other part of that URI.</summary>
    public string AfterId { get; init; } = "";

    /// <summary>The local user who uploaded it; null for all.</summary>
    public string? Uploader { get; init; }

    /// <summary>The server's name in the URI; null for all.</summary>
    public string? Origin { get; init; }

    /// <summary>Whether only media that is not served is listed.</summary>
    public bool IsQuarantined { get; init; }
}

/// <summary>A number of URIs, and the bytes of their contents.</summary>
public readonly record struct MediaUse(long Files, long Bytes);

/// <summary>The folder of media that the nodes of a cluster share.</summary>
/// <param name="Id">What its file with an id contains.</param>
/// <param name="IsMarked">Whether a node has written the id there.</param>
public sealed record SharedMediaFolder(string Id, bool IsMarked);

/// <summary>A URI was created, with or without content. Not applied if it exists.</summary>
public sealed record MediaCreated(MediaRow Media) : ConditionalChange
{
    /// <summary>Whether the file is that of another URI. Not applied then if no URI has it any more.</summary>
    public bool SharesFile { get; init; }

    internal override int Weight => 400;
}

/// <summary>
/// The content of a URI was uploaded. Not applied unless this user created the URI, it has no content, and it has not
/// expired.
/// </summary>
/// <remarks>Other nodes get the URI only.</remarks>
public sealed record MediaUploaded(MediaRow Media) : ConditionalChange
{
    /// <summary>Whether the file is that of another URI. Not applied then if no URI has it any more.</summary>
    public bool SharesFile { get; init; }

    internal override int Weight => 400;
}

/// <summary>Media was accessed.</summary>
public sealed record MediaAccessed(string Origin, string MediaId, long At) : Change;

/// <summary>
/// Media is deleted, unless the URI has another file by now. Its file becomes a dropped one if no other URI has it.
/// </summary>
/// <param name="UnusedSince">Not applied if it was accessed at that time or later; null for any.</param>
public sealed record MediaDeleted(MediaRow Media, long? UnusedSince = null) : ConditionalChange;

/// <summary>All URIs with a damaged file of a content get another one. The damaged one is dropped.</summary>
public sealed record MediaFileReplaced(string FileHash, string File, string By) : Change;

/// <summary>A dropped file was deleted.</summary>
public sealed record DroppedFileSettled(string File) : Change;

/// <summary>URIs without content that expired before a time are deleted.</summary>
public sealed record ExpiredMediaPurged(long Before) : Change;

/// <summary>A file must not be served any more.</summary>
public sealed record FileQuarantined(string FileHash, string By, long At) : Change;

/// <summary>
/// Media is left out, or no longer, when all media of a user or room is put in quarantine. Applies if it is here.
/// </summary>
public sealed record MediaProtected(string Origin, string MediaId, bool IsProtected) : ConditionalChange;

/// <summary>A file may be served again. Not applied if it could be.</summary>
public sealed record FileReleased(string FileHash) : ConditionalChange;

/// <summary>The folder of media that nodes share has an id. Not applied if it has one already.</summary>
public sealed record MediaFolderNamed(string Id) : ConditionalChange;

/// <summary>The folder of media carries its id.</summary>
public sealed record MediaFolderMarked : Change;
