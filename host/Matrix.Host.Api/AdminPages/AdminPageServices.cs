using Matrix.Host.Api.AdminPages.Audit;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.AdminPages.Jobs;
using Matrix.Host.Api.AdminPages.Media;
using Matrix.Host.Api.AdminPages.Notices;
using Matrix.Host.Api.AdminPages.Overview;
using Matrix.Host.Api.AdminPages.Policies;
using Matrix.Host.Api.AdminPages.Reports;
using Matrix.Host.Api.AdminPages.Rooms;
using Matrix.Host.Api.AdminPages.Servers;
using Matrix.Host.Api.AdminPages.Tokens;
using Matrix.Host.Api.AdminPages.Users;
using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.AdminPages;

/// <summary>Registers the pages for administrators.</summary>
public static class AdminPageServices
{
    /// <summary>Adds the pages. They need the administration API's services.</summary>
    public static IServiceCollection AddAdminPages(this IServiceCollection services) => services
        .AddSingleton<AdminFrame>()
        .AddSingleton<PageNotices>()
        .AddSingleton<ServerFigures>()
        .AddSingleton<IEndpoints, SignInPages>()
        .AddSingleton<IEndpoints, OverviewPage>()
        .AddSingleton<IEndpoints, UserList>()
        .AddSingleton<IEndpoints, UserPage>()
        .AddSingleton<IEndpoints, UserBelongings>()
        .AddSingleton<IEndpoints, UserActs>()
        .AddSingleton<IEndpoints, NewUser>()
        .AddSingleton<IEndpoints, RoomList>()
        .AddSingleton<IEndpoints, RoomPage>()
        .AddSingleton<IEndpoints, RoomParts>()
        .AddSingleton<IEndpoints, RoomGraphPage>()
        .AddSingleton<IEndpoints, RoomPageActs>()
        .AddSingleton<IEndpoints, MediaPages>()
        .AddSingleton<IEndpoints, MediaPageActs>()
        .AddSingleton<IEndpoints, ReportPages>()
        .AddSingleton<IEndpoints, ServerPages>()
        .AddSingleton<IEndpoints, PolicyPage>()
        .AddSingleton<IEndpoints, TokenPages>()
        .AddSingleton<IEndpoints, NoticePage>()
        .AddSingleton<IEndpoints, JobPages>()
        .AddSingleton<IEndpoints, AuditPage>();
}
