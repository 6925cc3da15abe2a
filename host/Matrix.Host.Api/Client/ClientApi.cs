using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Client;

/// <summary>Registers the Client-Server API: one line for each group of endpoints.</summary>
public static class ClientApi
{
    /// <summary>Adds the endpoints of every module. The composition root adds the services that they need.</summary>
    public static IServiceCollection AddClientApi(this IServiceCollection services) => services
        .AddSingleton<IGuessLimits, GuessLimits>()
        .AddSingleton<AuthSessions>()
        .AddSingleton<UserInteractiveAuth>()
        .AddSingleton<IEndpoints, Versions.Versions>()
        .AddSingleton<IEndpoints, WellKnown.WellKnown>()
        .AddSingleton<IEndpoints, LogIn>()
        .AddSingleton<IEndpoints, LogOut>()
        .AddSingleton<IEndpoints, LoginFallback>()
        .AddSingleton<IEndpoints, Refresh>()
        .AddSingleton<IEndpoints, Register>()
        .AddSingleton<IEndpoints, Fallback>()
        .AddSingleton<IEndpoints, Accounts.WhoAmI>()
        .AddSingleton<IEndpoints, Accounts.ChangePassword>()
        .AddSingleton<IEndpoints, Accounts.Deactivate>()
        .AddSingleton<IEndpoints, Accounts.ContactInformation>()
        .AddSingleton<IEndpoints, Devices.Devices>()
        .AddSingleton<IEndpoints, Capabilities.Capabilities>()
        .AddSingleton<IEndpoints, Profiles.Profiles>()
        .AddSingleton<IEndpoints, AccountData.AccountData>()
        .AddSingleton<IEndpoints, AccountData.Tags>()
        .AddSingleton<IEndpoints, PushRules.PushRules>()
        .AddSingleton<IEndpoints, Filters.Filters>()
        .AddSingleton<IEndpoints, Keys.UploadKeys>()
        .AddSingleton<IEndpoints, Keys.QueryKeys>()
        .AddSingleton<IEndpoints, Keys.ClaimKeys>()
        .AddSingleton<IEndpoints, Keys.KeyChanges>()
        .AddSingleton<IEndpoints, CrossSigning.UploadSigningKeys>()
        .AddSingleton<IEndpoints, CrossSigning.UploadSignatures>()
        .AddSingleton<IEndpoints, SendToDevice.SendToDevice>()
        .AddSingleton<IEndpoints, KeyBackup.BackupVersions>()
        .AddSingleton<IEndpoints, KeyBackup.BackupKeys>()
        .AddSingleton<Sync.SyncFilters>()
        .AddSingleton<IEndpoints, Sync.Sync>()
        .AddSingleton<IEndpoints, Receipts.Receipts>()
        .AddSingleton<IEndpoints, ReadMarkers.ReadMarkers>()
        .AddSingleton<IEndpoints, Typing.Typing>()
        .AddSingleton<IEndpoints, RoomCreation.CreateRoom>()
        .AddSingleton<IEndpoints, RoomMembership.Membership>()
        .AddSingleton<IEndpoints, RoomMembership.Knock>()
        .AddSingleton<IEndpoints, RoomEvents.SendEvents>()
        .AddSingleton<IEndpoints, RoomEvents.SendState>()
        .AddSingleton<IEndpoints, RoomAliases.Aliases>()
        .AddSingleton<IEndpoints, ListingRooms.PublicRooms>()
        .AddSingleton<IEndpoints, Spaces.Hierarchy>()
        .AddSingleton<IEndpoints, ContentRepository.Uploads>()
        .AddSingleton<IEndpoints, ContentRepository.Downloads>()
        .AddSingleton<IEndpoints, ContentRepository.Thumbnails>()
        .AddSingleton<IEndpoints, ContentRepository.Configuration>()
        .AddSingleton<IEndpoints, ContentRepository.Previews>()
        .AddSingleton<IEndpoints, OpenId.RequestToken>()
        .AddSingleton<IEndpoints, RoomReading.EventAtTime>()
        .AddSingleton<IEndpoints, RoomReading.RoomPages>()
        .AddSingleton<IEndpoints, RoomReading.RoomStates>()
        .AddSingleton<IEndpoints, RoomReading.Related>();
}
