using Matrix.Host.Api.Federation.Transactions.Edus;
using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Federation;

/// <summary>Registers the Server-Server API: one line for each group of endpoints.</summary>
public static class FederationApi
{
    /// <summary>Adds the endpoints of every chapter. The composition root adds the services that they need.</summary>
    public static IServiceCollection AddFederationApi(this IServiceCollection services) => services
        .AddSingleton<IFederationEndpoints, ServerImplementation.Version>()
        .AddSingleton<IFederationEndpoints, ServerKeys.PublishKeys>()
        .AddSingleton<IFederationEndpoints, ServerKeys.QueryServerKeys>()
        .AddSingleton<ReceivedEdus>()
        .AddSingleton<IEduHandler, Typing>()
        .AddSingleton<IEduHandler, Receipts>()
        .AddSingleton<IEduHandler, Presence>()
        .AddSingleton<IEduHandler, DirectToDevice>()
        .AddSingleton<IEduHandler, DeviceListUpdates>()
        .AddSingleton<IEduHandler, SigningKeyUpdates>()
        .AddSingleton<IFederationEndpoints, Transactions.SendTransaction>()
        .AddSingleton<IFederationEndpoints, JoiningRooms.Joins>()
        .AddSingleton<IFederationEndpoints, RetrievingEvents.StoredEvents>()
        .AddSingleton<IFederationEndpoints, Backfilling.History>()
        .AddSingleton<IFederationEndpoints, InvitingToRooms.Invites>()
        .AddSingleton<IFederationEndpoints, ThirdPartyInvites.BoundIdentifiers>()
        .AddSingleton<IFederationEndpoints, LeavingRooms.Leaves>()
        .AddSingleton<IFederationEndpoints, KnockingUponRooms.Knocks>()
        .AddSingleton<IFederationEndpoints, Queries.QueryProfile>()
        .AddSingleton<IFederationEndpoints, Queries.QueryDirectory>()
        .AddSingleton<IFederationEndpoints, Queries.UnknownQuery>()
        .AddSingleton<IFederationEndpoints, RetrievingEvents.EventAtTime>()
        .AddSingleton<IFederationEndpoints, PublicRoomDirectory.PublicRooms>()
        .AddSingleton<IFederationEndpoints, Spaces.Hierarchy>()
        .AddSingleton<IFederationEndpoints, OpenId.UserInfo>()
        .AddSingleton<IFederationEndpoints, DeviceManagement.UserDevices>()
        .AddSingleton<IFederationEndpoints, ContentRepository.ServedMedia>()
        .AddSingleton<IFederationEndpoints, EndToEndEncryption.QueryKeys>()
        .AddSingleton<IFederationEndpoints, EndToEndEncryption.ClaimKeys>();
}
