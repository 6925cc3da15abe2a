namespace Matrix.Host.Api.Http.Owners;

/// <summary>What the requests of a route belong to. `docs/authority.md`, "Routes".</summary>
public enum OwnerKind
{
    /// <summary>Nothing: any node answers, from storage, or by conditions in the flush.</summary>
    Nobody,

    /// <summary>This process, also while it does not serve: how it is.</summary>
    Process,

    /// <summary>The room `roomId` of the path.</summary>
    Room,

    /// <summary>The room of the path, which has its id or an alias.</summary>
    RoomOrAlias,

    /// <summary>The user who calls, or as whom an application service acts.</summary>
    Caller,

    /// <summary>The local user `userId` of the path.</summary>
    User,

    /// <summary>The server that signed the request.</summary>
    Origin,

    /// <summary>The server `serverName` of the path.</summary>
    Server,

    /// <summary>The application service that calls.</summary>
    AppService,

    /// <summary>Work in the background.</summary>
    Duty,

    /// <summary>An id that this server made, in the path or in the query.</summary>
    Minted,

    /// <summary>What storage says of the path.</summary>
    Found,

    /// <summary>What the handler finds in the body.</summary>
    InBody,

    /// <summary>A session of pages, which the handler finds in a cookie.</summary>
    InCookie,
}
