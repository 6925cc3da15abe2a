namespace Matrix.Host.Parts;

/// <summary>How the value of a setting is written.</summary>
public enum SettingForm
{
    /// <summary>By the type of the option.</summary>
    Usual,

    /// <summary>Bytes, such as 64KiB, of an `int`.</summary>
    Bytes,

    /// <summary>A time that a timer can have: at most 24 days.</summary>
    Timer,

    /// <summary>A URL of http or https, or nothing.</summary>
    HttpUrl,

    /// <summary>The name of a server.</summary>
    ServerName,

    /// <summary>The name of a server, or nothing.</summary>
    ServerNameOrNone,

    /// <summary>The localpart of a user id, or nothing.</summary>
    LocalpartOrNone,

    /// <summary>The URL of a database.</summary>
    DatabaseUrl,

    /// <summary>A public Ed25519 key, or nothing.</summary>
    PublicKeyOrNone,

    /// <summary>A room version.</summary>
    RoomVersion,

    /// <summary>A file or folder, or nothing. One in the file is relative to the file.</summary>
    Path,

    /// <summary>Files and folders that exist.</summary>
    Paths,

    /// <summary>Room versions outside the specification.</summary>
    UnstableRoomVersions,

    /// <summary>Names of servers.</summary>
    ServerNames,

    /// <summary>Names of servers, or globs.</summary>
    ServerPatterns,

    /// <summary>Mail addresses, or globs.</summary>
    AddressPatterns,

    /// <summary>Users and mail addresses of people.</summary>
    Contacts,

    /// <summary>Countries.</summary>
    Countries,

    /// <summary>Origins of pages.</summary>
    Origins,

    /// <summary>Ids of rooms.</summary>
    RoomIds,

    /// <summary>Addresses of TURN servers.</summary>
    TurnUris,

    /// <summary>Beginnings of URLs.</summary>
    UrlBeginnings,
}
