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
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.AdminPages;

/// <summary>Registers the pages for administrators.</summary>
public static class AdminPagesRegistration
{
    /// <summary>Adds the pages. They need the administration API's services.</summary>
    public static IServiceCollection AddAdminPages(this IServiceCollection services) => services
        .Add<AdminFrame>()
        .Add<ActionMessages>()
        .Add<ServerFigures>()
        .Add<IEndpoints, SignInPages>()
        .Add<IEndpoints, OverviewPage>()
        .Add<IEndpoints, UserList>()
        .Add<IEndpoints, UserPage>()
        .Add<IEndpoints, UserBelongings>()
        .Add<IEndpoints, UserActions>()
        .Add<IEndpoints, NewUser>()
        .Add<IEndpoints, RoomList>()
        .Add<IEndpoints, RoomPage>()
        .Add<IEndpoints, RoomPanels>()
        .Add<IEndpoints, RoomGraphPage>()
        .Add<IEndpoints, RoomPageActions>()
        .Add<IEndpoints, MediaPages>()
        .Add<IEndpoints, MediaPageActions>()
        .Add<IEndpoints, ReportPages>()
        .Add<IEndpoints, ServerPages>()
        .Add<IEndpoints, PolicyPage>()
        .Add<IEndpoints, TokenPages>()
        .Add<IEndpoints, NoticePage>()
        .Add<IEndpoints, JobPages>()
        .Add<IEndpoints, AuditPage>();
}
