//! Links, addresses and routes, asked of the kernel by netlink (rtnetlink(7)) in the namespace of the calling thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// Index of the loopback interface in every namespace.
pub(super) const LOOPBACK: u32 = 1;

/// A netlink socket of one namespace.
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the namespace of the calling thread; it stays there wherever it is used later.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Brings a link up or down.
    pub(super) fn set_up(&mut self, index: u32, up: bool) -> io::Result<()> {
        let mut message = link(index);
        message.header.change_mask = LinkFlags::Up;
        if up {
            message.header.flags = LinkFlags::Up;
        }
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Sets the largest packet and the number of packets that may wait in the device, before it is brought up.
    pub(super) fn set_sizes(&mut self, index: u32, mtu: u16, queue: u32) -> io::Result<()> {
        let mut message = link(index);
        message.attributes = vec![LinkAttribute::Mtu(mtu.into()), LinkAttribute::TxQueueLen(queue)];
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Makes a pair of linked Ethernet devices: one here, the other one in another namespace. Neither end asks for
    /// hardware addresses (no ARP): all ends named `there` share one, so a frame from any suits any other.
    pub(super) fn add_veth(
        &mut self,
        here: &str,
        there: &str,
        namespace: BorrowedFd<'_>,
        hardware_address: [u8; 6],
    ) -> io::Result<()> {
        let mut peer = LinkMessage::default();
        peer.header.flags = LinkFlags::Noarp;
        peer.header.change_mask = LinkFlags::Noarp;
        peer.attributes = vec![
            LinkAttribute::IfName(there.to_owned()),
            LinkAttribute::Address(hardware_address.to_vec()),
            LinkAttribute::NetNsFd(namespace.as_raw_fd()),
        ];
        let mut message = LinkMessage::default();
        message.header.flags = LinkFlags::Noarp;
        message.header.change_mask = LinkFlags::Noarp;
        message.attributes = vec![
            LinkAttribute::IfName(here.to_owned()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        self.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Removes a link.
    pub(super) fn remove_link(&mut self, index: u32) -> io::Result<()> {
        self.change(RouteNetlinkMessage::DelLink(link(index)), 0)
    }

    /// Puts an address on a link, which brings the on-link route of its network.
    pub(super) fn add_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        self.change(RouteNetlinkMessage::NewAddress(own_address(index, address, prefix)), NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Takes an address off a link, and its routes with it.
    pub(super) fn remove_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        self.change(RouteNetlinkMessage::DelAddress(own_address(index, address, prefix)), 0)
    }

    /// Sends packets to a range through a link, or changes where they go.
    pub(super) fn add_route(
        &mut self,
        index: u32,
        destination: Ipv4Addr,
        prefix: u8,
        source: Option<Ipv4Addr>,
    ) -> io::Result<()> {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.destination_prefix_length = prefix;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Link;
        message.header.kind = RouteType::Unicast;
        message.attributes =
            vec![RouteAttribute::Destination(RouteAddress::Inet(destination)), RouteAttribute::Oif(index)];
        message.attributes.extend(source.map(|source| RouteAttribute::PrefSource(RouteAddress::Inet(source))));
        self.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Index of the link that has the address.
    pub(super) fn link_with(&mut self, wanted: Ipv4Addr) -> io::Result<u32> {
        let mut question = AddressMessage::default();
        question.header.family = AddressFamily::Inet;
        let mut found = None;
        self.ask(RouteNetlinkMessage::GetAddress(question), NLM_F_DUMP, |answer| {
            if let RouteNetlinkMessage::NewAddress(message) = answer {
                let has = message.attributes.contains(&AddressAttribute::Local(IpAddr::V4(wanted)));
                if has {
                    found = Some(message.header.index);
                }
            }
        })?;
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no interface has the address {wanted}")))
    }

    fn change(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.ask(message, NLM_F_ACK | flags, |_| ())
    }

    /// Sends one request and takes its answers, up to the acknowledgement, the end of the dump or an error.
    fn ask(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        mut answer: impl FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        loop {
            let (received, _) = self.socket.recv_from_full()?;
            let mut rest = &received[..];
            while !rest.is_empty() {
                let reply = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
                // Messages are aligned to four bytes; the last one may lack its padding.
                let length = (reply.header.length as usize).next_multiple_of(4).max(16);
                rest = rest.get(length..).unwrap_or_default();
                if reply.header.sequence_number != self.sequence {
                    continue;
                }
                match reply.payload {
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok(()),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(message) => answer(message),
                    _ => {}
                }
            }
        }
    }
}

fn link(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn own_address(index: u32, address: Ipv4Addr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix;
    message.header.scope = AddressScope::Universe;
    message.header.index = index;
    message.attributes =
        vec![AddressAttribute::Local(IpAddr::V4(address)), AddressAttribute::Address(IpAddr::V4(address))];
    message
}

/// Index of a link of the calling thread's namespace.
pub(super) fn index_of(name: &str) -> io::Result<u32> {
    Ok(nix::net::if_::if_nametoindex(name)?)
}
