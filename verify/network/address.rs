//! An address and its neighbours. Pure.

use std::net::IpAddr;

/// The address below, if it is not the first of all.
#[must_use]
pub fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => u32::from(address)
            .checked_sub(1)
            .map(|number| IpAddr::V4(number.into())),
        IpAddr::V6(address) => u128::from(address)
            .checked_sub(1)
            .map(|number| IpAddr::V6(number.into())),
    }
}

/// The address above, if it is not the last of all.
#[must_use]
pub fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => u32::from(address)
            .checked_add(1)
            .map(|number| IpAddr::V4(number.into())),
        IpAddr::V6(address) => u128::from(address)
            .checked_add(1)
            .map(|number| IpAddr::V6(number.into())),
    }
}
