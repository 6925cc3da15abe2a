using Matrix.Host.Api.Federation.Transactions.Edus;
using Matrix.Host.Api.Http;
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Federation;

/// <summary>Registers the Server-Server API: one line for each group of endpoints.</summary>
public static class FederationApi
{
    /// <summary>Adds the endpoints of every chapter. The composition root adds the services that they need.</summary>
    public static IServiceCollection AddFederationApi(this IServiceCollection services) => services
        .Add<IFederationEndpoints, ServerImplementation.Version>()
        .Add<IFederationEndpoints, ServerKeys.PublishKeys>()
        .Add<IFederationEndpoints, ServerKeys.QueryServerKeys>()
        .Add<ReceivedEdus>()
        .Add<IEduHandler, TypingEdu>()
        .Add<IEduHandler, ReceiptEdu>()
        .Add<IEduHandler, PresenceEdu>()
        .Add<IEduHandler, DirectToDeviceEdu>()
        .Add<IEduHandler, DeviceListUpdateEdu>()
        .Add<IEduHandler, SigningKeyUpdateEdu>()
        .Add<IFederationEndpoints, Transactions.SendTransaction>()
        .Add<IFederationEndpoints, JoiningRooms.Joins>()
        .Add<IFederationEndpoints, RetrievingEvents.StoredEvents>()
        .Add<IFederationEndpoints, Backfilling.BackfillRequests>()
        .Add<IFederationEndpoints, InvitingToRooms.Invites>()
        .Add<IFederationEndpoints, ThirdPartyInvites.BoundIdentifiers>()
        .Add<IFederationEndpoints, LeavingRooms.Leaves>()
        .Add<IFederationEndpoints, KnockingUponRooms.Knocks>()
        .Add<IFederationEndpoints, Queries.QueryProfile>()
        .Add<IFederationEndpoints, Queries.QueryDirectory>()
        .Add<IFederationEndpoints, Queries.UnknownQuery>()
        .Add<IFederationEndpoints, RetrievingEvents.ServedEventTimes>()
        .Add<IFederationEndpoints, PublicRoomDirectory.ServedPublicRooms>()
        .Add<IFederationEndpoints, Spaces.HierarchyRequests>()
        .Add<IFederationEndpoints, OpenId.UserInfo>()
        .Add<IFederationEndpoints, DeviceManagement.ServedUserDevices>()
        .Add<IFederationEndpoints, ContentRepository.ServedMedia>()
        .Add<IFederationEndpoints, EndToEndEncryption.ServedKeyQueries>()
        .Add<IFederationEndpoints, EndToEndEncryption.ServedKeyClaims>();
}
