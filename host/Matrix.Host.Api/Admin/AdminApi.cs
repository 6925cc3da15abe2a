using Matrix.Host.Api.Admin.Accounts;
using Matrix.Host.Api.Admin.Federating;
using Matrix.Host.Api.Admin.Files;
using Matrix.Host.Api.Admin.Moderation;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Admin;

/// <summary>Registers the endpoints for administrators and their tools.</summary>
public static class AdminApi
{
    /// <summary>Adds the endpoints.</summary>
    public static IServiceCollection AddAdminApi(this IServiceCollection services) => services
        .Add<Nonces>()
        .Add<MediaModeration>()
        .Add<RoomModeration>()
        .Add<AnyEvents>()
        .Add<DestinationRetries>()
        .Add<NoticeSending>()
        .Add<JobStarts>()
        .Add<IEndpoints, Health>()
        .Add<IEndpoints, SharedSecretRegistration>()
        .Add<IEndpoints, ServerVersion>()
        .Add<IEndpoints, Server.Cluster>()
        .Add<IEndpoints, AuditEntries>()
        .Add<Accounts.AccountAnswer>()
        .Add<IEndpoints, Accounts.AccountList>()
        .Add<IEndpoints, Accounts.Accounts>()
        .Add<IEndpoints, AccountAdminActions>()
        .Add<IEndpoints, AccountDetails>()
        .Add<IEndpoints, AccountRestrictions>()
        .Add<IEndpoints, IdentifierLookups>()
        .Add<IEndpoints, AccountDevices>()
        .Add<IEndpoints, Tokens>()
        .Add<IEndpoints, RoomListing>()
        .Add<IEndpoints, RoomDetails>()
        .Add<IEndpoints, ExtremityAdministration>()
        .Add<IEndpoints, RoomActions>()
        .Add<IEndpoints, RoomDeletions>()
        .Add<IEndpoints, HistoryPurges>()
        .Add<IEndpoints, UserRedactions>()
        .Add<IEndpoints, Server.Jobs>()
        .Add<IEndpoints, MediaLists>()
        .Add<IEndpoints, MediaActions>()
        .Add<IEndpoints, RoomFiles>()
        .Add<IEndpoints, RateLimits>()
        .Add<IEndpoints, FoundEvents>()
        .Add<IEndpoints, DestinationAdministration>()
        .Add<IEndpoints, EventReports>()
        .Add<IEndpoints, Notices>();
}
