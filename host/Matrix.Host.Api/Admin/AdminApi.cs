using Matrix.Host.Api.Admin.Accounts;
using Matrix.Host.Api.Admin.Federating;
using Matrix.Host.Api.Admin.Files;
using Matrix.Host.Api.Admin.Moderation;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Admin;

/// <summary>Registers the endpoints for administrators and their tools.</summary>
public static class AdminApi
{
    /// <summary>Adds the endpoints.</summary>
    public static IServiceCollection AddAdminApi(this IServiceCollection services) => services
        .AddSingleton<Nonces>()
        .AddSingleton<MediaModeration>()
        .AddSingleton<RoomModeration>()
        .AddSingleton<AnyEvents>()
        .AddSingleton<DestinationRetries>()
        .AddSingleton<NoticeSending>()
        .AddSingleton<JobStarts>()
        .AddSingleton<IEndpoints, Health>()
        .AddSingleton<IEndpoints, SharedSecretRegistration>()
        .AddSingleton<IEndpoints, ServerVersion>()
        .AddSingleton<IEndpoints, AuditEntries>()
        .AddSingleton<IEndpoints, Accounts.Accounts>()
        .AddSingleton<IEndpoints, AccountActs>()
        .AddSingleton<IEndpoints, AccountDetails>()
        .AddSingleton<IEndpoints, AccountRestrictions>()
        .AddSingleton<IEndpoints, IdentifierLookups>()
        .AddSingleton<IEndpoints, AccountDevices>()
        .AddSingleton<IEndpoints, Tokens>()
        .AddSingleton<IEndpoints, RoomListing>()
        .AddSingleton<IEndpoints, RoomDetails>()
        .AddSingleton<IEndpoints, Extremities>()
        .AddSingleton<IEndpoints, RoomActs>()
        .AddSingleton<IEndpoints, RoomDeletions>()
        .AddSingleton<IEndpoints, HistoryPurges>()
        .AddSingleton<IEndpoints, UserRedactions>()
        .AddSingleton<IEndpoints, Server.Jobs>()
        .AddSingleton<IEndpoints, MediaLists>()
        .AddSingleton<IEndpoints, MediaActs>()
        .AddSingleton<IEndpoints, RoomFiles>()
        .AddSingleton<IEndpoints, RateLimits>()
        .AddSingleton<IEndpoints, FoundEvents>()
        .AddSingleton<IEndpoints, Destinations>()
        .AddSingleton<IEndpoints, EventReports>()
        .AddSingleton<IEndpoints, Notices>();
}
